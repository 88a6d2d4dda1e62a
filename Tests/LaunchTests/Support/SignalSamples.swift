import FalseKernel

/// What the launcher is told to signal.
enum SignalSamples {
    private static let status =
        "4711 (a) b) S 1 4711 4711 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 2000 100 18446744073709551615"

    /// The signal, what the file of each process says, and the processes, parted by the byte 0x1D.
    static let samples: [[UInt8]] = [
        ["15", status, "4711:987654"], ["9", status, "4711:987653", "4712:987654"],
        ["64", status, "1:987654"], ["0", status, "4711:987654"], ["15", "", "4711:987654"],
    ]
    .map { Array($0.joined(separator: "\u{1D}").utf8) }

    /// What came of one.
    static func result(of bytes: [UInt8]) -> (complaint: String?, status: Int32, sent: Int32) {
        let result = unsafe false_signals(bytes, bytes.count)
        return unsafe (result.complaint.map { unsafe String(cString: $0) }, result.status, result.sent)
    }
}
