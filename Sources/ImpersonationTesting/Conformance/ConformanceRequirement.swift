/// One promise that every implementation of a protocol has to keep, and the check for it.
///
/// A conformance suite is a list of requirements. With Swift Testing they become the cases of one test:
///
/// ```swift
/// @Test(arguments: ProxyRegistryConformance.requirements)
/// func `keeps`(requirement: ConformanceRequirement<any ProxyRegistry>) async throws {
///     try await requirement.check(MyRegistry(in: .newDatabase()))
/// }
/// ```
public struct ConformanceRequirement<Subject: Sendable>: Sendable {
    /// The promise, as a sentence.
    public let name: String

    private let body: @Sendable (Subject) async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (Subject) async throws -> Void) {
        self.name = name
        self.body = body
    }

    /// Checks that an implementation keeps the promise.
    ///
    /// - Parameter subject: The implementation, new and empty: requirements do not clean up after themselves.
    /// - Throws: ``ConformanceFailure`` when it does not, also when it threw an error of its own where none belongs.
    public func check(_ subject: Subject) async throws(ConformanceFailure) {
        do {
            try await body(subject)
        } catch let violation as Violation {
            throw ConformanceFailure(requirement: name, message: violation.message)
        } catch {
            throw ConformanceFailure(requirement: name, message: "it threw \(error)", underlyingError: error)
        }
    }
}

extension ConformanceRequirement: CustomStringConvertible {
    /// The promise, as a sentence.
    public var description: String { name }
}

/// What a check found; it does not know the name of the requirement it belongs to.
struct Violation: Error {
    let message: String
}

/// Fails the check that runs unless a condition holds.
func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(Violation) {
    guard condition else { throw Violation(message: message()) }
}

/// Fails the check that runs unless two values are equal.
func require<Value: Equatable>(_ what: String, _ found: Value, is expected: Value) throws(Violation) {
    guard found == expected else { throw Violation(message: "\(what) is \(found), expected \(expected)") }
}
