extension AccountName {
    /// Reads the name of an account.
    ///
    /// A bare name consists of ASCII letters, digits, `_`, `-` and `.`, begins with a letter or `_` and does not end
    /// in a dot: the strict rule of systemd's `valid_user_group_name` plus the dot that `adduser(8)` and every
    /// `first.last` site use. It never begins with a digit, so that no tool can read it as a number (CVE-2017-1000082).
    ///
    /// The parts of a qualified name may also contain letters of other alphabets, because Active Directory allows
    /// them: in normalisation form C, none that passes for another (fullwidth, ligatures), Latin letters not mixed
    /// with others. Their user part may begin with a digit unless the whole part reads as a number, and may contain
    /// single blanks inside (`MYCORP\John Smith`). A blank at the edge of a part is always refused: winbind accepts
    /// it and then answers with it for everybody.
    ///
    /// A `$` is accepted at the end only, where Active Directory puts it in the names of machines.
    ///
    /// - Parameters:
    ///   - text: The name as somebody wrote it.
    ///   - syntax: How names are spelt at this site.
    /// - Throws: ``AccountNameError`` when the text cannot be the name of an account.
    public init(_ text: String, syntax: AccountNameSyntax = .standard) throws(AccountNameError) {
        do {
            self = try AccountNameReader(text, syntax: syntax).read()
        } catch {
            throw AccountNameError(text: text.printable(), message: error.message)
        }
    }
}
