import process from 'node:process'

/** Content of `kernel_info_reply`: what a Jupyter program asks first. */
export function kernelInfo(): object {
  return {
    status: 'ok',
    protocol_version: '5.3',
    implementation: 'itsparallel',
    implementation_version: '0.1.0',
    language_info: {
      name: 'javascript',
      version: process.versions.node,
      mimetype: 'text/javascript',
      file_extension: '.js',
    },
    banner: `itsparallel engine, Node.js ${process.version}`,
    help_links: [],
  }
}
