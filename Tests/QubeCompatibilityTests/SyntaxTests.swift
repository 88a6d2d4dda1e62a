import SystemPackage
import Testing

@testable import QubeCompatibility

@Suite("The syntax of a setting")
struct SettingSyntaxTests {
    /// A line, and how its value is to be read.
    struct Row: Sendable, CustomTestStringConvertible {
        let line: String
        let form: ConfigurationValue.Form
        let text: String

        init(_ line: String, _ form: ConfigurationValue.Form, _ text: String) {
            self.line = line
            self.form = form
            self.text = text
        }

        var testDescription: String { line }
    }

    static let rows = [
        Row("key = value", .bare, "value"),
        Row("key=value", .bare, "value"),
        Row("\t key \t=\t value \t", .bare, "value"),
        Row("key = value one, value two", .bare, "value one, value two"),
        Row("key = v # c", .bare, "v"),
        Row("key = value #and then the comment", .bare, "value"),
        Row("key = v#c", .bare, "v"),
        Row("key = a=b", .bare, "a=b"),
        Row("key == b", .bare, "= b"),
        Row(#"key = \\server\share\logs"#, .bare, #"\\server\share\logs"#),
        Row(#"key = \"#, .bare, #"\"#),
        Row(#"key = host.owner="a # b",host.maya=1 # c"#, .bare, #"host.owner="a # b",host.maya=1"#),
        Row("key =", .empty, ""),
        Row("key = # c", .empty, ""),
        Row(#"key = "a b""#, .quoted, "a b"),
        Row(#"key = " a b ""#, .quoted, " a b "),
        Row(#"key = """#, .quoted, ""),
        Row(#"key = "a # b" # c"#, .quoted, "a # b"),
        Row(#"key = "a { b""#, .quoted, "a { b"),
        Row(#"key = "say \"a\" # b""#, .quoted, #"say "a" # b"#),
        Row(#"key = "C:\Program Files\qube""#, .quoted, #"C:\Program Files\qube"#),
        Row(#"key = "\\""#, .quoted, #"\"#),
        Row("key = '/a b'", .singleQuoted, "'/a b'"),
        Row("key = it's", .bare, "it's"),
        Row("key = $ref.cluster", .bare, "$ref.cluster"),
        Row(#"key = "${ref.cluster}/vfx""#, .quoted, "${ref.cluster}/vfx"),
        Row("key = { value1 value2 }", .block, "value1 value2"),
        Row("key = {}", .block, ""),
        Row("key = { a } # c", .block, "a"),
        Row("key = { ${ref.x} b }", .block, "${ref.x} b"),
        Row("key = größe", .bare, "größe"),
    ]

    @Test("One line", arguments: rows)
    func value(row: Row) throws {
        let document = ConfigurationParser.parse(row.line, file: sample)
        #expect(document.diagnostics.isEmpty)
        #expect(
            document.statements == [
                .assignment(
                    .init(
                        key: "key",
                        value: ConfigurationValue(form: row.form, text: row.text, lastLine: 1),
                        line: 1
                    )
                )
            ]
        )
    }

    @Test
    func `Braces hold several lines, without their comments and blank lines`() throws {
        let text = """
            worker_path_map = {
             "\\\\" : "/",   # every } in a comment is one

             "X:/a # } b" : "/Volumes/x",
            } # done
            next = 1
            """
        let found = assignments(text)
        let map = try #require(found.first)
        #expect(map.value.form == .block)
        #expect(map.value.text == "\"\\\\\" : \"/\",\n\"X:/a # } b\" : \"/Volumes/x\",")
        #expect(map.line == 1)
        #expect(map.value.lastLine == 5)
        #expect(found.last?.key == "next")
        #expect(found.last?.line == 6)
    }

    @Test
    func `A drive map begins right after its brace, as Qube demands`() throws {
        let found = assignments("worker_drive_map ={X:|u:0fbc8b@\\\\rnd\\home  \nY:|u:0fbc8b@\\\\rnd_2\\c$  \n}\n")
        #expect(found.map(\.value.text) == ["X:|u:0fbc8b@\\\\rnd\\home\nY:|u:0fbc8b@\\\\rnd_2\\c$"])
    }

    @Test(
        "Lines end as on Unix or as on Windows, the last one with or without",
        arguments: ["a = 1\nb = 2", "a = 1\nb = 2\n", "a = 1\r\nb = 2\r\n", "\u{FEFF}a = 1\r\nb = 2"]
    )
    func lineEnds(text: String) {
        let document = ConfigurationParser.parse(text, file: sample)
        #expect(assignments(text).map(\.key) == ["a", "b"])
        #expect(assignments(text).map(\.value.text) == ["1", "2"])
        #expect(assignments(text).map(\.line) == [1, 2])
        #expect(document.diagnostics.isEmpty)
        #expect(document.lineCount == 2)
    }

    @Test
    func `Blank lines and comments say nothing and are counted`() {
        let text = "\n  \t\n# a = 1\n   # b = 2\nkey = value\n"
        #expect(assignments(text).map(\.line) == [5])
        #expect(findings(text).map(\.code) == [.unknownKey])
    }

    @Test
    func `A value does not print itself`() throws {
        let value = try #require(assignments("proxy_password = 06dee4e09a91").first).value
        var dumped = ""
        dump(value, to: &dumped)
        #expect(!"\(value) \(String(reflecting: value)) \(dumped)".contains("06dee4"))
    }
}

@Suite("The syntax of a section, for the central file")
struct SectionSyntaxTests {
    @Test(
        "Headers",
        arguments: [
            ("[default]", "default", []),
            ("  [ linux ]  # c", "linux", []),
            ("[pfx[000-100]]", "pfx[000-100]", []),
            ("[host[01-05]] : groupa_rule", "host[01-05]", ["groupa_rule"]),
            ("[section3] : section2 \t qube # c", "section3", ["section2", "qube"]),
            ("[child]:parent", "child", ["parent"]),
        ] as [(String, String, [String])]
    )
    func header(line: String, name: String, parents: [String]) {
        let document = ConfigurationParser.parse("\n" + line, file: sample)
        #expect(document.statements == [.section(.init(name: name, parents: parents, line: 2))])
        #expect(document.diagnostics.isEmpty)
    }

    @Test(
        "Headers that cannot be read",
        arguments: [
            ("[default", ConfigurationDiagnostic.Code.invalidSection),
            ("[pfx[000-100]", .invalidSection),
            ("[a # b]", .invalidSection),
            ("[]", .invalidSection),
            ("[a] :", .invalidSection),
            ("[a] key = value", .trailingText),
        ]
    )
    func brokenHeader(line: String, code: ConfigurationDiagnostic.Code) {
        let document = ConfigurationParser.parse("\n" + line, file: sample)
        #expect(document.statements.isEmpty)
        #expect(document.diagnostics.map(\.code) == [code])
        #expect(document.diagnostics.map(\.line) == [2])
    }

    @Test
    func `A local file has no sections`() {
        #expect(
            messages("[host07]\nproxy_execution_mode = user\n") == [
                "/etc/qb.conf:1: error: section [host07] in a local file, which has none; "
                    + "remove the header, or move the section to the central file qbwrk.conf"
            ]
        )
    }
}
