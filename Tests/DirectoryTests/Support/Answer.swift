import Impersonation
import Testing

/// The password of every account of the directories.
let rightPassword = "Passw0rd!1"

/// What PAM says of an account, and what that is for the library.
struct Answer: Sendable, CustomTestStringConvertible {
    let account: String
    let password: String?
    let step: LaunchStep
    let code: Int32
    let error: LaunchError.Code
    let reason: SessionRefusal.Reason

    /// Notes one.
    ///
    /// - Parameters:
    ///   - account: The account.
    ///   - password: What is said to be its password; `nil` where nobody proves one.
    ///   - step: Where PAM gives the answer.
    ///   - code: PAM's own code.
    ///   - reason: What that means.
    ///   - error: How the launch fails.
    init(
        _ account: String,
        with password: String? = rightPassword,
        _ step: LaunchStep,
        _ code: Int32,
        _ reason: SessionRefusal.Reason,
        as error: LaunchError.Code = .accountRefused
    ) {
        (self.account, self.password, self.step) = (account, password, step)
        (self.code, self.reason, self.error) = (code, reason, error)
    }

    /// The same of the account of that name in a domain.
    ///
    /// - Parameter spelling: How a machine spells the domain and the name, with `*` for the name.
    /// - Returns: The answer.
    func spelled(_ spelling: String) -> Answer {
        Answer(spelling.replacing("*", with: account), with: password, step, code, reason, as: error)
    }

    var testDescription: String { "\(account): \(code)" }

    /// That a launch has failed with this answer.
    func expect(_ error: LaunchError, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(error.code == self.error, "\(error)", sourceLocation: sourceLocation)
        #expect(error.step == step, "\(error)", sourceLocation: sourceLocation)
        #expect(error.sessionRefusal?.code == code, "\(error)", sourceLocation: sourceLocation)
        #expect(error.sessionRefusal?.reason == reason, "\(error)", sourceLocation: sourceLocation)
    }
}
