/// Why a policy is not used.
///
/// Nothing of it is then: there is no such thing as a part of a policy.
package struct PolicyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, in the order of the lines; never empty.
    package let problems: [PolicyProblem]

    init(_ problems: [PolicyProblem]) {
        self.problems = problems
    }

    init(_ problem: PolicyProblem) {
        problems = [problem]
    }

    /// Whether it may be used another time as it is: all that is wrong is that the name service could not be asked.
    package var mayPass: Bool { problems.allSatisfy { $0.code == .nameServiceUnavailable } }

    /// The stable code of the first problem.
    package var code: PolicyProblem.Code { problems.first?.code ?? .syntax }

    /// One line for each problem.
    package var description: String { problems.map(\.description).joined(separator: "\n") }
}
