import Glibc
import Impersonation
import SystemPackage

/// Where the tool speaks: standard output for what was asked for, standard error for everything else.
enum Console {
    /// Writes lines to standard output; names in them cannot move the cursor.
    static func output(_ lines: [String]) {
        write(lines, to: .standardOutput)
    }

    /// Writes lines to standard error; names in them cannot move the cursor.
    static func error(_ lines: [String]) {
        write(lines, to: .standardError)
    }

    private static func write(_ lines: [String], to descriptor: FileDescriptor) {
        let text = lines.map { $0.escapingUnprintable + "\n" }.joined()
        _ = try? descriptor.writeAll(text.utf8)
    }
}
