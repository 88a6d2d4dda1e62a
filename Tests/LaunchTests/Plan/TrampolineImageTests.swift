import CLaunchPlan
import Glibc
import SystemPackage
import Testing

@testable import LaunchPlan

@Suite("The trampoline")
struct TrampolineImageTests {
    /// The kinds of the program headers (`elf(5)`), which are where the file header says.
    private var segments: [UInt32] {
        let image = TrampolineImage.bytes
        func number<Number: FixedWidthInteger>(at offset: Int, as type: Number.Type) -> Number {
            (0..<MemoryLayout<Number>.size).reduce(0) { $0 | Number(image[offset + $1]) << Number(8 * $1) }
        }
        let start = Int(number(at: 32, as: UInt64.self))
        let size = Int(number(at: 54, as: UInt16.self))
        let count = Int(number(at: 56, as: UInt16.self))
        return (0..<count).map { number(at: start + $0 * size, as: UInt32.self) }
    }

    @Test("is a program without a loader, a library or a name service")
    func standsAlone() {
        let dynamic: UInt32 = 2
        let interpreter: UInt32 = 3
        #expect(!segments.isEmpty)
        #expect(!segments.contains(dynamic))
        #expect(!segments.contains(interpreter))
        let text = String(decoding: TrampolineImage.bytes, as: UTF8.self)
        for name in ["nsswitch", "libc.so", "ld-linux", "/etc/passwd"] { #expect(!text.contains(name)) }
    }

    @Test("cannot be changed by anybody who has its descriptor")
    func isSealed() throws {
        let trampoline = try Trampoline.make(in: LAUNCH_IMAGE_SEALED_MEMORY, directory: nil)
        let byte: [UInt8] = [0]
        #expect(unsafe write(trampoline.descriptor, byte, 1) == -1)
        #expect(ftruncate(trampoline.descriptor, 0) == -1)
        let again = unsafe open("/proc/self/fd/\(trampoline.descriptor)", O_RDWR)
        if again >= 0 {
            #expect(unsafe write(again, byte, 1) == -1)
            close(again)
        }
    }
}
