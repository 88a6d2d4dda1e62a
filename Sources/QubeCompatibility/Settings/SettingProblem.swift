/// What is wrong, or odd, about the value of one setting.
struct SettingProblem: Error, Sendable {
    /// What kind of problem.
    let code: ConfigurationDiagnostic.Code

    /// What is wrong.
    let text: String

    /// What to do about it.
    let remedy: String

    init(_ code: ConfigurationDiagnostic.Code, _ text: String, remedy: String) {
        self.code = code
        self.text = text
        self.remedy = remedy
    }
}

/// The meaning of a value that could be read.
struct ParsedSetting<Value: Sendable>: Sendable {
    /// The meaning.
    let value: Value

    /// What is odd about how it was written.
    var warning: SettingProblem?

    init(_ value: Value, warning: SettingProblem? = nil) {
        self.value = value
        self.warning = warning
    }
}
