// SPDX-License-Identifier: Apache-2.0

/// Of this program, as `bulkhead version` and the metrics say it.
package enum Version {
    package static let text = "0.1.0"
}
