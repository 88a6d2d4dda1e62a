import CHelperService
import Glibc
import LaunchPlan
import SystemPackage
import Testing

@Suite("The page that a password is read into")
struct PasswordPageTests {
    /// What the kernel says of the mapping at an address: the flags of `/proc/self/smaps`, or `nil` where nothing is mapped.
    private func flags(at address: UInt) throws -> Set<Substring>? {
        var isThere = false
        for line in try ProcFile.read("/proc/self/smaps").split(separator: "\n") {
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            let ends = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            if ends.count == 2 { isThere = (ends[0]..<ends[1]).contains(address) }
            if isThere, words[0] == "VmFlags:" { return Set(words.dropFirst()) }
        }
        return nil
    }

    /// Reads a password from a pipe that holds these bytes.
    private func read(_ text: String, into password: inout helper_password) throws -> Int32 {
        let (reading, writing) = try OwnedDescriptor.pipe()
        let bytes = Array(text.utf8)
        try #require(unsafe write(writing.rawValue, bytes, bytes.count) == bytes.count)
        writing.closeNow()
        return unsafe helper_password_read(reading.rawValue, 10_000, &password)
    }

    @Test(
        "is locked, in no core, and not there in what the process forks, such as what modules start; wiped it is gone"
    )
    func page() throws {
        var password = unsafe helper_password()
        try #require(try unsafe read("secret", into: &password) == 0)
        let text = try unsafe #require(unsafe password.text)
        #expect(unsafe String(cString: text) == "secret")
        #expect(unsafe password.size == 6)
        let address = UInt(bitPattern: text)
        let flags = try #require(try flags(at: address))
        #expect(flags.contains("lo"), "mlock(2): \(flags)")
        #expect(flags.contains("dd"), "MADV_DONTDUMP: \(flags)")
        #expect(flags.contains("dc"), "MADV_DONTFORK: \(flags)")
        unsafe helper_password_wipe(&password)
        #expect(unsafe password.text == nil)
        #expect(try self.flags(at: address)?.contains("dc") != true)
    }

    @Test(
        "is gone when there was no password to read",
        arguments: ["", "with\0zero", String(repeating: "p", count: 512)]
    )
    func refused(_ text: String) throws {
        func locked() throws -> Int {
            try ProcFile.read("/proc/self/status").split(separator: "\n").first { $0.hasPrefix("VmLck:") }
                .flatMap { Int($0.filter(\.isNumber)) } ?? -1
        }
        let before = try locked()
        var password = unsafe helper_password()
        #expect(try unsafe read(text, into: &password) < 0)
        #expect(unsafe password.text == nil)
        #expect(try locked() == before)
    }
}
