// SPDX-License-Identifier: MIT

package await

/*
#include "shim.h"
*/
import "C"

// Version returns the version of libawait at run time.
func Version() string { return C.GoString(C.aw_version()) }

// VersionNumber returns it as major*10000 + minor*100 + patch.
func VersionNumber() int { return int(C.aw_version_number()) }
