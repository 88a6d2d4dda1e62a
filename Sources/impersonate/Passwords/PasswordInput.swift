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
        let terminal = SilentTerminal(prompt: prompt)
        defer { terminal?.putBack() }
        let line = await withCheckedContinuation { continuation in
            DispatchQueue.global()
                .async {
                    continuation.resume(
                        returning: Result { () throws(CredentialStoreError) in
                            SinglePassword(try Secret(readingLineFrom: .standardInput))
                        }
                    )
                }
        }
        return try line.get()
    }
}
