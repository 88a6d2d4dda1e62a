import Impersonation
import Testing

@testable import QubeCompatibility

@Suite("Mistakes in the syntax")
struct SyntaxMistakeTests {
    @Test(
        "Each is named with its line and what to do",
        arguments: [
            (
                "\nproxy_account render\n",
                "2: error: the line is no setting; write key = value, or # before a comment"
            ),
            (
                "proxy_account # = render\n",
                "1: error: the line is no setting; write key = value, or # before a comment"
            ),
            ("= render\n", "1: error: the equals sign has no key before it; write key = value"),
            (
                "proxy account = render\n",
                "1: error: the text before the equals sign is no key; a key has only letters, digits, _, - and ."
            ),
            (
                "proxy_account\u{A0}= render\n",
                "1: error: the text before the equals sign is no key; a key has only letters, digits, _, - and ."
            ),
            (
                "proxy_account = \"render\n",
                "1: error: the double quote opened here is not closed on this line; close it, or write \\\" between "
                    + "double quotes when the character itself is meant"
            ),
            (
                "worker_description = 24\" screen\n",
                "1: error: the double quote opened here is not closed on this line; close it, or write \\\" between "
                    + "double quotes when the character itself is meant"
            ),
            (
                "proxy_account = \"ren\"der\n",
                "1: error: text follows the closing quote of the value; quote the whole value, and write \\\" for a "
                    + "double quote within it"
            ),
            (
                "\n\nworker_path_map = {\n \"a\" : \"b\",\n",
                "3: error: the brace opened here is never closed; write } on a line of its own after the last entry"
            ),
            (
                "worker_path_map = {\n} worker_cpus = 1\n",
                "2: error: text follows the closing brace; put the next setting on a line of its own"
            ),
            (
                "worker_path_map = {\n \"a : b\n}\n",
                "2: error: the double quote opened here is not closed on this line; close it, or write \\\" between "
                    + "double quotes when the character itself is meant"
            ),
            (
                "# shown as\rproxy_account = root\n",
                "1: error: the line contains the control character U+000D; remove it; only tabs and line ends are "
                    + "allowed"
            ),
            (
                "worker_cpus = 1\u{1B}[2K\n",
                "1: error: the line contains the control character U+001B; remove it; only tabs and line ends are "
                    + "allowed"
            ),
        ]
    )
    func message(text: String, expected: String) throws {
        #expect(messages(text).first == "/etc/qb.conf:\(expected)")
        #expect(throws: ConfigurationError.self) { try load(text) }
    }

    @Test
    func `All mistakes of a file are found in one run, in the order of its lines`() {
        let text = """
            proxy_execution_mode = users
            proxy account = x
            worker_clsuter = /a
            [linux]
            worker_path_map = {
             "a" : "b",
            minimum_uid = many
            proxy_nice_value = 30
            """
        #expect(
            findings(text).map { "\($0.line ?? 0) \($0.code)" } == [
                "1 invalidValue", "2 invalidKey", "3 unknownKey", "4 sectionNotAllowed", "5 unterminatedBrace",
                "7 invalidValue", "8 outOfRange",
            ]
        )
    }

    @Test
    func `A forgotten brace does not swallow a setting in silence`() {
        let text = """
            worker_drive_map = {X:|\\\\server\\share
            proxy_execution_mode = user
            worker_path_map = {
             "a" : "b",
            }
            """
        #expect(
            messages(text).first
                == "/etc/qb.conf:1: error: the setting proxy_execution_mode stands between the braces opened here; "
                + "close the braces before it"
        )
    }

    @Test(
        "A line that may hold a password is never repeated",
        arguments: [
            "proxy_password 06dee4", "proxy_password 06dee4 = 1", "proxy_password = \"06dee4", "[06dee4",
            "proxy_password = \"06dee4\" x", "proxy_password = '06dee4'", "proxy_password = { 06dee4 }",
            "proxy_password = {06dee4", "proxy_pasword = 06dee4", "proxy_password = 06dee4\u{1B}",
            "state = mysql://u:06dee4@host/db", "state = sqlite://06dee4", "06dee4 proxy_password",
            "proxy_password = 06dee4\nproxy_password = 06dee4\nx", "proxy_password = 06dee4\u{200B}",
        ]
    )
    func noSecretInMessages(text: String) {
        let found = messages(text)
        #expect(!found.isEmpty)
        #expect(found.allSatisfy { !$0.contains("06dee4") })
    }

    @Test
    func `Single quotes are an error where the value counts and a warning elsewhere`() {
        #expect(
            messages("proxy_account = 'render'\nworker_template_path = '/a:/b'\n") == [
                "/etc/qb.conf:1: error: the value of proxy_account is in single quotes, which would be part of it; "
                    + "use double quotes",
                "/etc/qb.conf:2: warning: the value of worker_template_path is in single quotes, which would be part "
                    + "of it; use double quotes",
            ]
        )
    }

    @Test
    func `A comment after a value does not become part of it`() throws {
        let loaded = try load("proxy_account = render # <- generated\n")
        #expect(loaded.configuration.proxyAccount.value == "render")
        #expect(loaded.diagnostics.isEmpty)
    }

    @Test
    func `The last of two equal keys counts, and the warning names both lines`() throws {
        let loaded = try load("proxy_execution_mode = proxy\n\nproxy_execution_mode = user\n")
        #expect(loaded.configuration.proxyExecutionMode.value == .user)
        #expect(loaded.configuration.proxyExecutionMode.source.line == 3)
        #expect(
            loaded.diagnostics.map(\.description) == [
                "/etc/qb.conf:3: warning: proxy_execution_mode is set again and replaces line 1; "
                    + "remove one of the two lines"
            ]
        )
    }

    @Test
    func `A key that is replaced is not read, but the one that replaces it is`() {
        #expect(findings("minimum_uid = many\nminimum_uid = 5\n").map(\.code) == [.duplicateKey])
        #expect(findings("minimum_uid = 5\nminimum_uid = many\n").map(\.code) == [.duplicateKey, .invalidValue])
    }
}
