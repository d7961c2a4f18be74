/**
 * HMAC-SHA256 over the four signed parts of a message (RFC 2104), as 64 lowercase hex characters.
 *
 * `crypto.createHmac` costs about 2 µs a message, most of it in making and dropping the object. Two one-shot hashes
 * over prepared key blocks give the same digest in 0.8 µs; every message is signed once and verified at every hop.
 */

import { createHmac, hash, timingSafeEqual } from 'node:crypto'
import type { Frame } from '../transport/socket.ts'

const BLOCK_BYTES = 64
const DIGEST_BYTES = 32
/** Parts that together are longer are hashed piece by piece instead of being copied into one block. */
const ONE_SHOT_BYTES_MAX = 8192

const SIGNATURE_BYTES = 64

export class Signer {
  readonly #key: Buffer
  readonly #inner = Buffer.alloc(BLOCK_BYTES + ONE_SHOT_BYTES_MAX)
  readonly #outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES)
  readonly #expected = Buffer.alloc(SIGNATURE_BYTES)

  /** @param key - the HMAC key of the cluster, as text; its bytes are its UTF-8 encoding. */
  constructor(key: string) {
    this.#key = Buffer.from(key, 'utf8')
    const block = Buffer.alloc(BLOCK_BYTES)
    if (this.#key.length > BLOCK_BYTES) block.set(hash('sha256', this.#key, 'buffer'))
    else block.set(this.#key)
    for (let i = 0; i < BLOCK_BYTES; i++) {
      this.#inner[i] = block[i]! ^ 0x36
      this.#outer[i] = block[i]! ^ 0x5c
    }
  }

  /** Signature of the four parts. */
  sign(header: Frame, parentHeader: Frame, metadata: Frame, content: Frame): string {
    const bytes = header.length + parentHeader.length + metadata.length + content.length
    if (bytes > ONE_SHOT_BYTES_MAX) {
      const hmac = createHmac('sha256', this.#key)
      return hmac.update(header).update(parentHeader).update(metadata).update(content).digest('hex')
    }
    const inner = this.#inner
    let end = BLOCK_BYTES
    inner.set(header, end)
    end += header.length
    inner.set(parentHeader, end)
    end += parentHeader.length
    inner.set(metadata, end)
    end += metadata.length
    inner.set(content, end)
    end += content.length
    this.#outer.write(hash('sha256', inner.subarray(0, end), 'binary'), BLOCK_BYTES, 'latin1')
    return hash('sha256', this.#outer, 'hex')
  }

  /** Whether `signature` belongs to the four parts. Takes the same time wherever they differ. */
  verify(signature: Frame, header: Frame, parentHeader: Frame, metadata: Frame, content: Frame): boolean {
    this.#expected.write(this.sign(header, parentHeader, metadata, content), 'latin1')
    return signature.length === SIGNATURE_BYTES && timingSafeEqual(signature, this.#expected)
  }
}
