/// One value of a setting, as it stands in the file.
struct PolicyWord: Hashable, Sendable {
    /// The text, without quotes.
    let text: String

    /// Whether it stood between quotes: then `*` means nothing special.
    let isQuoted: Bool
}
