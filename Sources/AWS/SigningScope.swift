// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// A moment as signatures write it, `20150830T123600Z`; its first eight characters are the day of the signing key.
package struct SigningTime: Hashable, Sendable {
    package let text: [16 of UInt8]
    package let time: WallTime

    /// The fraction of a second is cut off.
    package init(_ time: WallTime) {
        self.time = WallTime(seconds: time.seconds)
        var date = Buffer()
        date.append(rfc3339: time)
        // `2015-08-30T12:36:00.000000Z`: the places of the digits, the T and the Z.
        let places: [16 of Int] = [0, 1, 2, 3, 5, 6, 8, 9, 10, 11, 12, 14, 15, 17, 18, 26]
        text = [16 of UInt8] { date.bytes[places[$0]] }
    }

    /// Nil for every other form, and for a day or an hour that is none.
    package init?(_ text: borrowing Span<UInt8>) {
        guard text.count == 16, text[8] == UInt8(ascii: "T"), text[15] == UInt8(ascii: "Z"),
            let year = Self.number(text, 0..<4), let month = Self.number(text, 4..<6),
            let day = Self.number(text, 6..<8), let hour = Self.number(text, 9..<11),
            let minute = Self.number(text, 11..<13), let second = Self.number(text, 13..<15),
            (1970...2200).contains(year), (1...12).contains(month), hour < 24, minute < 60, second < 60
        else { return nil }
        let isLeap = year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
        let lengths: [12 of Int64] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard (1...lengths[Int(month) - 1]).contains(day) else { return nil }
        var days = (year - 1970) * 365 + (year - 1969) / 4 - (year - 1901) / 100 + (year - 1601) / 400
        for index in 0..<Int(month) - 1 { days += lengths[index] }
        days += day - 1
        time = WallTime(seconds: ((days * 24 + hour) * 60 + minute) * 60 + second)
        self.text = [16 of UInt8] { text[$0] }
    }

    package var day: Span<UInt8> {
        @_lifetime(borrow self) borrowing get { text.span.extracting(0..<8) }
    }

    private static func number(_ text: borrowing Span<UInt8>, _ range: Range<Int>) -> Int64? {
        var value: Int64 = 0
        for index in range {
            guard ASCII.isDigit(text[index]) else { return nil }
            value = value * 10 + Int64(text[index] - UInt8(ascii: "0"))
        }
        return value
    }

    package static func == (left: SigningTime, right: SigningTime) -> Bool { left.time == right.time }
    package func hash(into hasher: inout Hasher) { hasher.combine(time) }
}

/// For which service of which region a signature is good.
package struct SigningScope: Hashable, Sendable {
    package let region: [UInt8]
    package let service: [UInt8]

    package init(region: [UInt8], service: [UInt8]) {
        self.region = region
        self.service = service
    }

    package init(region: String, service: String) {
        self.init(region: Array(region.utf8), service: Array(service.utf8))
    }

    /// How the path of a request is written in what is signed.
    package var pathForm: PathForm { service.span.equals("s3") ? .once : .twice }

    /// How far a request's time may be from ours: S3 allows 15 minutes, all others 5.
    package var tolerance: Interval { service.span.equals("s3") ? .seconds(900) : .seconds(300) }

    /// Appends `20150830/us-east-1/service/aws4_request`.
    package func append(day: borrowing Span<UInt8>, to output: inout Buffer) {
        output.append(day)
        output.append(UInt8(ascii: "/"))
        output.append(region)
        output.append(UInt8(ascii: "/"))
        output.append(service)
        output.append("/aws4_request")
    }
}

/// How the path stands in a canonical request.
package enum PathForm: Hashable, Sendable {
    /// S3: as on the wire, each byte escaped once.
    case once
    /// All other services: dot segments and empty ones resolved, then every byte of the wire's form escaped again.
    case twice
    /// The same without resolving anything.
    case twiceUnresolved
}
