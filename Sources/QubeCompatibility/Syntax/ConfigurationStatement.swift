/// One statement of a configuration file: what the local file and the central file are both made of.
enum ConfigurationStatement: Sendable, Equatable {
    /// `key = value`
    case assignment(Assignment)

    /// `[name] : parent parent`
    case section(Section)

    /// A key and its value.
    struct Assignment: Sendable, Equatable {
        /// The key as written.
        let key: String

        /// The value.
        let value: ConfigurationValue

        /// The line of the key, counted from one.
        let line: Int
    }

    /// The header of a section.
    ///
    /// Ranges in the name and the names of parents are not expanded here.
    struct Section: Sendable, Equatable {
        /// What stands between the outer brackets: `default`, `host07`, `render[001-200]`.
        let name: String

        /// The sections it inherits from, in the order written.
        let parents: [String]

        /// The line of the header, counted from one.
        let line: Int
    }
}
