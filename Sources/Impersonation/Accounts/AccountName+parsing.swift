extension AccountName {
    /// Reads the name of an account.
    ///
    /// - Parameters:
    ///   - text: The name as somebody wrote it.
    ///   - syntax: How names are spelt at this site.
    /// - Throws: ``AccountNameError`` when the text cannot be the name of an account.
    public init(_ text: String, syntax: AccountNameSyntax = .standard) throws(AccountNameError) {
        self.init(spelling: text, user: text, domain: nil, form: .bare)
    }
}
