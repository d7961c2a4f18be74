import { expect, it } from 'vitest'
import { hideKeys } from '../../../src/cluster/hide-keys.ts'

it.each([
  [`{'Session': {'key': b'd131431a-1fee09593aaf7a4a69f3b685', 'packer': 'json'}}`, `{'key': b'…', 'packer'`],
  [`{"key": "d131431a-1fee09593aaf7a4a69f3b685"}`, `{"key": "…"}`],
])('hideKeys hides the key in %s', (text, shown) => {
  expect(hideKeys(text)).toContain(shown)
})

it.each([`{'key': 'value'}`, 'KeyError: b"key"', `task d131431a-1fee09593aaf7a4a69f3b685 failed`])(
  'hideKeys leaves %s as it is',
  text => {
    expect(hideKeys(text)).toBe(text)
  },
)
