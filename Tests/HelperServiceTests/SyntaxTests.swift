import Testing

@testable import HelperService

@Suite("The lines of a policy")
struct SyntaxTests {
    @Test(
        "A line is a key, '=', and values between blanks",
        arguments: [
            ("peers = renderd", ["renderd"]), ("peers=renderd", ["renderd"]), ("\tpeers\t=\trenderd\t", ["renderd"]),
            ("peers = a b  c", ["a", "b", "c"]), ("peers = a # b", ["a"]), ("peers = a\t#b", ["a"]),
            (#"peers = "a b" c"#, ["a b", "c"]), (#"peers = "a # b""#, ["a # b"]), (##"peers = "#" # x"##, ["#"]),
            (#"peers = "MYCORP\\alice""#, [#"MYCORP\alice"#]), (#"peers = "a\"b""#, [#"a"b"#]),
            (#"peers = "@MYCORP\\domain users""#, [#"@MYCORP\domain users"#]),
            (#"peers = "\\\\""#, [#"\\"#]), ("peers = grüße", []), (#"peers = "grüße""#, ["grüße"]),
            ("peers = machine$ a@b.example a+b /x:y", ["machine$", "a@b.example", "a+b", "/x:y"]),
        ]
    )
    func values(line: String, expected: [String]) throws {
        let setting = try? PolicyLineReader.read(line)
        #expect((setting?.values.map(\.text) ?? []) == expected)
    }

    @Test("A blank line and a comment say nothing", arguments: ["", " ", "\t", "#", "# peers = root", "   # x"])
    func nothing(line: String) throws {
        #expect(try PolicyLineReader.read(line) == nil)
    }

    @Test(
        "What is no setting is refused with its line",
        arguments: [
            ("peers", #"there is no '=' behind "peers"; write `peers = value`"#),
            ("peers renderd", #"there is no '=' behind "peers"; write `peers = value`"#),
            ("peers =", #""peers" has no value; give it one, or leave the line out"#),
            ("peers = # nobody", #""peers" has no value; give it one, or leave the line out"#),
            ("= renderd", "a line begins with '='; write `key = value`"),
            ("[peers]", "a line begins with '['; write `key = value`"),
            (#""peers" = a"#, "a line begins with '\"'; write `key = value`"),
            ("peers = a, b", "values are separated by a comma; separate them by blanks"),
            ("peers = a,b", "values are separated by a comma; separate them by blanks"),
            (
                #"peers = MYCORP\alice"#,
                "a backslash stands outside of quotes; "
                    + #"write the name in quotes with two backslashes: "MYCORP\\alice""#
            ),
            (
                #"peers = "MYCORP\alice""#,
                #"a single backslash stands between quotes; write two for one: "MYCORP\\alice""#
            ),
            (
                #"peers = "MYCORP\"#,
                #"a single backslash stands between quotes; write two for one: "MYCORP\\alice""#
            ),
            (#"peers = "a"#, "a quote is not closed on its line; close it"),
            (#"peers = "a\""#, "a quote is not closed on its line; close it"),
            (#"peers = """#, "a value is empty; remove the two quotes"),
            (#"peers = a"b""#, "a quote stands within a value; put quotes around the whole value"),
            (#"peers = "a"b"#, "'b' follows a closing quote; separate values and comments by blanks"),
            (##"peers = "a"#b"##, "'#' follows a closing quote; separate values and comments by blanks"),
            ("peers = a#b", "'#' stands within a value; put a blank before a comment, or quotes around the value"),
            ("peers = a'b", "''' stands within a value; put quotes around the value"),
            ("peers = a=b", "'=' stands within a value; put quotes around the value"),
            ("peers = $(id)", "'(' stands within a value; put quotes around the value"),
            ("peers = grüße", "'ü' stands within a value; put quotes around the value"),
        ]
    )
    func mistakes(line: String, complaint: String) {
        #expect(complaints(about: "accounts = *\n\(line)\n") == ["f:2: \(complaint)"])
    }

    @Test(
        "An unknown key is refused with the nearest one",
        arguments: [
            ("peer", "peers"), ("account", "accounts"), ("minimum_uid", "minimum-uid"), ("MINIMUM-UID", "minimum-uid"),
            ("minimumgid", "minimum-gid"), ("denied-account", "denied-accounts"), ("deny-groups", "denied-groups"),
            ("executable-directory", "executable-directories"),
            ("max-jobs", "maximum-jobs"), ("jobs-per-peer", "maximum-jobs-per-peer"), ("cgroups", "groups"),
            ("uid", "minimum-uid"),
            ("new-privilege", "new-privileges"), ("bounding-set", "capability-bounding-set"), ("group", "groups"),
        ]
    )
    func unknownKey(key: String, nearest: String) {
        #expect(
            complaints(about: "\(key) = x") == ["f:1: \"\(key)\" is no key of a policy; did you mean \"\(nearest)\"?"]
        )
    }

    @Test
    func `A key that is like none is refused with all of them`() {
        #expect(
            complaints(about: "zzzzzzzzzz = x") == [
                #"f:1: "zzzzzzzzzz" is no key of a policy; the keys are peers, accounts, groups, minimum-uid, minimum-gid, "#
                    + "denied-accounts, denied-groups, executable-directories, new-privileges, capability-bounding-set, "
                    + "maximum-jobs, maximum-jobs-per-peer, maximum-start-time, control-groups, when-daemon-ends, "
                    + "environment, pam-services, pam-sessions, pam-session-idle, pam-session-failure"
            ]
        )
    }

    @Test("Each key can be set once", arguments: PolicyKey.allCases)
    func duplicate(key: PolicyKey) {
        let name = key.rawValue
        #expect(
            complaints(about: "\(name) = 1\n\n\(name) = 1\n") == [
                "f:3: \"\(name)\" is set in line 1 already; put all values on one line"
            ]
        )
    }

    @Test(
        "What an editor does not show is refused with its line",
        arguments: [
            ([0x00], "the line contains a zero byte; remove it"),
            ([0x0D], "the line contains a carriage return; save the file with the line ends of Unix"),
            ([0x1B], "the line contains the control character U+001B; remove it"),
            ([0x07], "the line contains the control character U+0007; remove it"),
            ([0x7F], "the line contains the control character U+007F; remove it"),
            ([0xE9], "the line is not UTF-8; save the file as UTF-8"),
            ([0xC0, 0x80], "the line is not UTF-8; save the file as UTF-8"),
            ([0xE2, 0x80, 0xAE], "the line contains U+202E, which is not seen; remove it"),
            ([0xE2, 0x80, 0xA8], "the line contains U+2028, which is not seen; remove it"),
            ([0xC2, 0xA0], "the line contains U+A0, which is not seen; remove it"),
            ([0xC2, 0x85], "the line contains U+85, which is not seen; remove it"),
            ([0xEF, 0xBB, 0xBF], "the line contains U+FEFF, which is not seen; remove it"),
        ] as [([UInt8], String)]
    )
    func unseen(bytes: [UInt8], complaint: String) {
        // In a comment as well: what is not seen there may end it.
        for line in ["peers = renderd", "# comment "] {
            let text = Array("accounts = *\n\(line)".utf8) + bytes + Array("\npeers = root\n".utf8)
            #expect(complaints(about: text).first == "f:2: \(complaint)")
        }
    }

    @Test
    func `The largest file has 65,536 bytes`() {
        let policy = "peers = renderd\naccounts = *\n"
        let padding = String(repeating: "#", count: (64 << 10) - policy.utf8.count)
        #expect(complaints(about: policy + padding).isEmpty)
        #expect(
            complaints(about: policy + padding + "#") == [
                "f:1: the file has more than 65536 bytes; name a policy; none is that large. "
                    + "Let accounts be members of a group and permit the group"
            ]
        )
    }

    @Test
    func `Everything that is wrong is said at once, in the order of the lines`() {
        let text = "maximum-jobs = 0\nnew-privileges = yes\naccounts = nobody0\n"
        #expect(
            complaints(about: text) == [
                #"f:1: "maximum-jobs" cannot be "0"; write a number from 1 to 1000000"#,
                #"f:2: "new-privileges" cannot be "yes"; write "forbidden" or "allowed", without the quotes"#,
                #"f:3: there is no user "nobody0"; correct the name, or remove it"#,
                #"f:4: the file does not set "peers"; name the users that daemons run as: `peers = NAME @GROUP`"#,
            ]
        )
    }
}
