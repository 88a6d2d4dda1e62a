import Glibc
import LaunchProtocol
import Testing

@testable import Impersonation

@Suite("What a lookup process says of the reach of directories")
struct DirectoryDoubtTests {
    struct Row: CustomTestStringConvertible {
        let answer: LookupAnswer
        let doubt: DirectoryDoubt?

        var testDescription: String { "\(answer)" }
    }

    static let rows = [
        Row(answer: .absent, doubt: nil),
        Row(answer: .failed(EHOSTDOWN), doubt: .away),
        Row(answer: .failed(EACCES), doubt: .refused(7)),
        Row(answer: .failed(ENOENT), doubt: .nobody(7)),
        Row(answer: .failed(ENETDOWN), doubt: .cutOff),
        Row(answer: .failed(ETIMEDOUT), doubt: .silent),
        Row(answer: .failed(EIO), doubt: .silent),
    ]

    @Test("is nothing, or a reason for each answer", arguments: rows)
    func meaning(row: Row) {
        #expect(DirectoryDoubt(row.answer, askedAs: 7) == row.doubt)
    }

    @Test("leaves absence open only where it does not make accounts unavailable")
    func absence() {
        for doubt in [DirectoryDoubt.away, .silent] { #expect(!doubt.leavesAbsenceOpen, "\(doubt)") }
        for doubt in [DirectoryDoubt.refused(7), .nobody(7), .cutOff, .otherVersion, .unasked] {
            #expect(doubt.leavesAbsenceOpen, "\(doubt)")
            // It is told with an account that is not found, and a remedy behind it.
            #expect(doubt.message.contains("; "), "\(doubt)")
        }
    }

    @Test("names the number that has to be permitted, and an account for it unless it is root's")
    func permission() {
        let permission = "allowed_uids = 0, 7 in sssd.conf, and an account with that id"
        for doubt in [DirectoryDoubt.refused(7), .nobody(7)] { #expect(doubt.message.contains(permission)) }
        #expect(DirectoryDoubt.nobody(7).message.contains("install its InfoPipe (sssd-dbus)"))
        #expect(!DirectoryDoubt.refused(0).message.contains("an account with that id"))
    }
}
