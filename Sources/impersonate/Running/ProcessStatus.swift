import Impersonation
import LaunchPlan
import SystemPackage

/// `/proc/self/status`: what the kernel says of this process.
struct ProcessStatus {
    private let fields: [String: String]

    /// Of this process, now.
    static var own: ProcessStatus {
        ProcessStatus((try? ProcFile.read("/proc/self/status")) ?? "")
    }

    init(_ text: String) {
        fields = Dictionary(
            text.utf8.split(separator: UInt8(ascii: "\n"))
                .compactMap { line in
                    guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
                    let value = line[line.index(after: colon)...].drop { "\t ".utf8.contains($0) }
                    return (String(Substring(line[..<colon])), String(Substring(value)))
                },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// A field by its name.
    subscript(name: String) -> String? { fields[name] }

    /// Whether a signal is in one of the sets `SigIgn`, `SigBlk`, `SigCgt`.
    func contains(_ signal: Signal, in set: String) -> Bool {
        guard let text = fields[set], let mask = UInt64(text, radix: 16) else { return false }
        return mask & (1 << UInt64(signal.rawValue - 1)) != 0
    }
}
