public import SystemPackage

/// Where a rule, a setting or a right comes from: what an explanation points at.
public struct RuleSource: Sendable, Hashable {
    /// The file the rule stands in, if it stands in one.
    public let file: FilePath?

    /// The line in ``file``, counted from one.
    public let line: Int?

    /// The path of the file, or the name of a source that is none: `built-in`, `request`, `in-memory registry`.
    public let origin: String

    private init(file: FilePath?, line: Int?, origin: String) {
        self.file = file
        self.line = line
        self.origin = origin
    }

    /// A line of a configuration file.
    public static func file(_ file: FilePath, line: Int? = nil) -> RuleSource {
        RuleSource(file: file, line: line, origin: file.string)
    }

    /// A source that is no file, by a short name.
    public static func named(_ origin: String) -> RuleSource {
        RuleSource(file: nil, line: nil, origin: origin)
    }

    /// What the library does unless told otherwise.
    public static let builtIn = RuleSource.named("built-in")

    /// What the request itself says.
    public static let request = RuleSource.named("request")

    /// What the program that links the library set in code.
    public static let program = RuleSource.named("program")
}

extension RuleSource: CustomStringConvertible {
    /// `path:line` for a file, otherwise the name of the source.
    public var description: String {
        guard let line else { return origin }
        return "\(origin):\(line)"
    }
}
