import Impersonation
import Testing

/// The password of every account of the directories.
let rightPassword = "Passw0rd!1"

/// What PAM says of an account, and what that is for the library.
struct Answer: Sendable, CustomTestStringConvertible {
    let account: String
    var password: String? = rightPassword
    let step: LaunchStep
    let code: Int32
    var error = LaunchError.Code.accountRefused
    let reason: SessionRefusal.Reason

    var testDescription: String { "\(account): \(code)" }

    /// That a launch has failed with this answer.
    func expect(_ error: LaunchError, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(error.code == self.error, "\(error)", sourceLocation: sourceLocation)
        #expect(error.step == step, "\(error)", sourceLocation: sourceLocation)
        #expect(error.session?.code == code, "\(error)", sourceLocation: sourceLocation)
        #expect(error.session?.reason == reason, "\(error)", sourceLocation: sourceLocation)
    }
}
