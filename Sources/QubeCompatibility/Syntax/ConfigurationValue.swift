/// The value of a setting, as the syntax sees it: which of the four spellings it has, and its text.
///
/// A value does not print itself, because any value may turn out to be a password.
struct ConfigurationValue: Sendable, Equatable {
    /// How a value was written.
    enum Form: Sendable, Equatable {
        /// Nothing between the equals sign and the end of the line.
        case empty

        /// Everything up to the end of the line or the comment, without the blanks around it.
        case bare

        /// Between double quotes.
        case quoted

        /// Between single quotes, which the syntax does not have; the text contains them.
        case singleQuoted

        /// Between braces, on one line or over several.
        case block
    }

    /// How the value was written.
    let form: Form

    /// The text without its quotes or braces, without comments; the lines of a block separated by line feeds.
    let text: String

    /// The line the value ends on; another one than the key's only for a block.
    let lastLine: Int
}

extension ConfigurationValue: CustomStringConvertible, CustomReflectable {
    var description: String { "(\(form) value)" }

    var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
