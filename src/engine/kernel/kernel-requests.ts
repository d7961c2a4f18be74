/** Requests of Jupyter programs that run nothing: they ask what the kernel is and what its names hold. */
const KERNEL_REQUESTS: ReadonlySet<string> = new Set([
  'kernel_info_request',
  'complete_request',
  'inspect_request',
  'is_complete_request',
  'history_request',
  'comm_info_request',
])

export function isKernelRequest(type: string): boolean {
  return KERNEL_REQUESTS.has(type)
}
