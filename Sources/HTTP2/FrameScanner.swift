// SPDX-License-Identifier: Apache-2.0
import Bytes

/// A frame's nine bytes (RFC 9113 §4.1).
struct FrameHeader: Equatable {
    var length = 0
    var type: UInt8 = 0
    var flags: UInt8 = 0
    var stream: Int32 = 0

    static let count = 9

    var isBody: Bool { type == 0 }

    /// CONTINUATION.
    var continuesBlock: Bool { type == 9 }

    /// HEADERS, PUSH_PROMISE or CONTINUATION that is not its block's last.
    var leavesBlockOpen: Bool { (type == 1 || type == 5 || type == 9) && flags & 4 == 0 }
}

/// Finds where frames begin, in input that comes in any pieces. The library checks what a frame says; whether there may be
/// one at all, and how many, is asked before the library sees it.
struct FrameScanner {
    private var header = FrameHeader()
    private var headerCount = 0
    /// Bytes until the next frame: of a payload, or of the preface.
    private var left: Int
    /// The frame that has come last, whole or not; nil within the preface.
    private var latest: FrameHeader?

    init(skipping preface: Int) { left = preface }

    /// Goes on to the end of the next header.
    /// - Parameter start: where to go on; moved behind what was looked at.
    /// - Returns: nil when the input ends before.
    mutating func next(in input: borrowing Span<UInt8>, from start: inout Int) -> FrameHeader? {
        let skipped = min(left, input.count - start)
        left -= skipped
        start += skipped
        while start < input.count {
            take(input[start])
            start += 1
            guard headerCount == FrameHeader.count else { continue }
            let whole = header
            header = FrameHeader()
            headerCount = 0
            left = whole.length
            latest = whole
            return whole
        }
        return nil
    }

    /// Whether nothing else can be understood until the peer goes on: a block of fields has begun, or a frame that is no
    /// body's.
    var isWithinHead: Bool {
        guard headerCount == 0 else { return true }
        guard let latest else { return left > 0 }
        return latest.leavesBlockOpen || (left > 0 && !latest.isBody)
    }

    private mutating func take(_ byte: UInt8) {
        switch headerCount {
        case 0, 1, 2: header.length = header.length << 8 | Int(byte)
        case 3: header.type = byte
        case 4: header.flags = byte
        case 5: header.stream = Int32(byte & 0x7F)
        default: header.stream = header.stream << 8 | Int32(byte)
        }
        headerCount += 1
    }
}
