// SPDX-License-Identifier: MIT

package await

// KeptValues is how many Go values C holds.
func KeptValues() int {
	values.Lock()
	defer values.Unlock()
	return len(values.kept) - len(values.free)
}
