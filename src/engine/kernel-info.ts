import process from 'node:process'
import type { AboutEngine } from '../protocol/catalogue.ts'

const VERSION = '0.1.0'

/** Content of `kernel_info_reply`: what a Jupyter program asks first. */
export function kernelInfo(): object {
  return {
    status: 'ok',
    protocol_version: '5.3',
    implementation: 'itsparallel',
    implementation_version: VERSION,
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

/** What an engine tells about itself when it registers. */
export function aboutEngine(): AboutEngine {
  return { language: 'javascript', versions: { itsparallel: VERSION, node: process.versions.node } }
}
