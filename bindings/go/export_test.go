// SPDX-License-Identifier: MIT

package await

// KeptValues is how many values C holds of Go's.
func KeptValues() int {
	values.Lock()
	defer values.Unlock()
	return len(values.kept) - len(values.free)
}
