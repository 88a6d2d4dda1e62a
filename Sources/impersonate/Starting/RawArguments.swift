import ArgumentParser
import Glibc

/// The arguments as the kernel handed them over, byte for byte.
struct RawArguments {
    /// Every argument but the name of the tool, without the NUL at its end.
    let arguments: [[UInt8]]

    /// Those of this process.
    static var ofThisProcess: RawArguments {
        let count = Int(CommandLine.argc)
        guard count > 1 else { return RawArguments(arguments: []) }
        let all = unsafe (1..<count).compactMap { unsafe CommandLine.unsafeArgv[$0] }
        return RawArguments(
            arguments: unsafe all.map { unsafe [UInt8](UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
        )
    }

    /// Refuses arguments that are not UTF-8.
    ///
    /// A `String` has only characters: other bytes become U+FFFD in it, and the command would be told of a file that
    /// nobody has named.
    ///
    /// - Throws: ``StartRefusal`` with the argument and status 64.
    func refuseUnreadable() throws(StartRefusal) {
        for (index, argument) in arguments.enumerated() where String(validating: argument, as: UTF8.self) == nil {
            throw StartRefusal(
                message: "Error: argument \(index + 1) is not UTF-8: \(Self.visible(argument)); "
                    + "it would reach nobody as it is: give the file a name in UTF-8, or hand it to the command otherwise",
                exitCode: .validationFailure
            )
        }
    }

    /// The bytes as ASCII, every other one as `\xFF`; not more than a line of them.
    private static func visible(_ bytes: [UInt8]) -> String {
        let shown = bytes.prefix(200)
            .map { byte in
                guard (0x20..<0x7F).contains(byte), byte != UInt8(ascii: "\\") else {
                    let digits = String(byte, radix: 16, uppercase: true)
                    return "\\x" + (digits.count == 1 ? "0" : "") + digits
                }
                return String(UnicodeScalar(byte))
            }
        return "\"" + shown.joined() + "\"" + (bytes.count > 200 ? " and \(bytes.count - 200) bytes more" : "")
    }
}
