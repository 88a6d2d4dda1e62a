import Glibc
import Impersonation

/// Lets nobody but root say whose login a request has: whoever else calls asks for himself.
struct CallerBoundResolver: ExecutionIdentityResolver {
    /// Decides once the login is beyond doubt.
    let resolver: any ExecutionIdentityResolver

    /// The account that calls, or `nil` for root.
    let caller: Account?

    func resolve(_ request: ExecutionRequest) async throws(ResolutionError) -> Resolution {
        guard let caller else { return try await resolver.resolve(request) }
        guard request.login != caller.name.spelling else {
            var request = request
            request.loginUserID = caller.userID
            return try await resolver.resolve(request)
        }
        let denial = Denial(
            Denial.Reason("loginNotCaller"),
            message:
                "\(caller.name) runs this tool and may not say that the login is \(request.login ?? "nobody"): only "
                + "root may name somebody else; leave --login out"
        )
        var explanation = Explanation()
        explanation.note("loginIsCaller", from: .builtIn, denial.message)
        return .denied(denial, because: explanation)
    }
}
