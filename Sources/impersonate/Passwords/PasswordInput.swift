import Dispatch
import Glibc
import Impersonation
import SystemPackage

/// The password of `--stdin`: one line of standard input.
enum PasswordInput {
    /// Reads the line.
    ///
    /// It goes byte by byte into locked memory, and nothing behind it is read. Where standard input is a terminal, the password is
    /// asked for, and not shown.
    ///
    /// - Parameter prompt: What a terminal shows.
    /// - Returns: The password, without the end of the line.
    /// - Throws: `CredentialStoreError` when there is none, or one that no password can be.
    static func read(prompt: String) async throws(CredentialStoreError) -> SinglePassword {
        let terminal = try SilentTerminal(prompt: prompt)
        defer { terminal?.putBack() }
        let line = await withCheckedContinuation { continuation in
            DispatchQueue.global()
                .async {
                    continuation.resume(
                        returning: Result { () throws(CredentialStoreError) in
                            try readLine()
                        }
                    )
                }
        }
        return try line.get()
    }

    // Who reads from the background is stopped, and not refused, when the signal for that comes through.
    private static func readLine() throws(CredentialStoreError) -> SinglePassword {
        var line: SinglePassword?
        try JobControl.allowing([SIGTTIN]) { () throws(CredentialStoreError) in
            line = SinglePassword(try Secret(readingLineFrom: .standardInput))
        }
        guard let line else { preconditionFailure("a line is read or an error is thrown") }
        return line
    }
}
