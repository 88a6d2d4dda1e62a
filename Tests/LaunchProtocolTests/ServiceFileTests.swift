import Damage
import SystemPackage
import Testing

@testable import LaunchProtocol

@Suite("The file of a PAM service")
struct ServiceFileTests {
    private static func file(_ texts: [FilePath: String]) -> (file: ServiceFile, reads: Int) {
        var reads = 0
        let file = ServiceFile(of: "a") { path throws(Errno) in
            reads += 1
            guard let text = texts[path] else { throw .noSuchFileOrDirectory }
            return text
        }
        return (file, reads)
    }

    @Test("is read with what it includes, of the kind that asks for it")
    func includes() {
        let (file, _) = Self.file([
            "/etc/pam.d/a":
                "-auth required x.so # c\n@include b\nsession include b\nauth [a=1 b=2] \\\n y.so\n@include gone\n",
            "/etc/pam.d/b": "Session optional z.so\naccount required w.so\n",
        ])
        #expect(
            file.entries.map { "\($0.kind) \($0.module)" } == [
                "auth x.so", "session z.so", "account w.so", "session z.so", "auth y.so",
            ]
        )
        #expect(file.missing == ["/etc/pam.d/gone"])
    }

    @Test("has no lines but those of the four kinds")
    func kinds() {
        let text =
            "- required x.so\n--auth required x.so\nauthx required x.so\n\u{1D}auth required x.so\nPASSWORD required y.so\n- include b\n"
        let (file, reads) = Self.file(["/etc/pam.d/a": text])
        #expect(file.entries.map { "\($0.kind) \($0.module)" } == ["password y.so"])
        #expect(reads == 1)
    }

    @Test("that includes itself in two spellings is read to an end")
    func circles() {
        let text = String(repeating: "@include ./a\n@include a\n@include ././a\n@include b\n", count: 8)
        let texts = ["a", "b", "./a", "././a"]
            .map { (ServiceFile.directory.appending($0), text + "auth required x.so\n") }
        let (file, reads) = Self.file(Dictionary(texts) { first, _ in first })
        #expect(reads <= ServiceFile.filesMost)
        #expect(file.entries.contains { $0.module == "x.so" })
        #expect(file.isCutShort)
    }

    @Test("that includes one file twice goes in no circle")
    func twice() {
        let (file, _) = Self.file(["/etc/pam.d/a": "auth include b\naccount include b\n", "/etc/pam.d/b": ""])
        #expect(!file.isCutShort)
    }

    /// What Linux-PAM 1.5.2 makes of them, as its source has it.
    private static let continuations: [(text: String, modules: [String])] = [
        ("auth \\\n required x.so\n", ["x.so"]),
        ("auth \\ \t\n required x.so\n", ["x.so"]),
        ("auth required x.so # c \\\naccount required y.so\n", ["x.so", "y.so"]),
        ("auth required \\ # c\naccount required y.so\n", ["\\", "y.so"]),
        ("auth \\\n# c\n\n required x.so\n", ["x.so"]),
        ("# c \\\nauth required x.so\n", ["x.so"]),
        ("auth required\u{0B}x.so y.so\n", ["y.so"]),
    ]

    @Test("goes on behind a backslash, and not behind one in a comment", arguments: continuations)
    func continuation(text: String, modules: [String]) {
        #expect(Self.file(["/etc/pam.d/a": text]).file.entries.map(\.module) == modules)
    }

    @Test("has its comments and brackets whatever stands next to them")
    func joiningLetters() {
        let (file, _) = Self.file([
            "/etc/pam.d/a": "auth required x.so\r\naccount [a\u{301} b] y.so #\u{301} c\n#\u{301} session a b\n"
        ])
        // A module whose name ends in a carriage return, and a kind that does, as PAM takes them.
        #expect(file.entries.map(\.module) == ["x.so\r", "y.so"])
    }

    @Test("is lines with a kind and a module in 1,000 damaged ones, in bounded time")
    func damaged() throws {
        var generator = ByteDamage(seed: 11)
        for sample in ServiceOracle.samples { #expect(ServiceOracle.complaint(about: sample) == nil) }
        for _ in 0..<1_000 {
            let original = try #require(ServiceOracle.samples.randomElement(using: &generator))
            let bytes = generator.damage(
                original,
                with: Array("\n\\ \t#[]@-/abc".utf8) + [0x00, 0x1D, 0xCC, 0x81, 0xFF]
            )
            let complaint = ServiceOracle.complaint(about: bytes)
            try #require(complaint == nil, "\(bytes)")
        }
    }
}
