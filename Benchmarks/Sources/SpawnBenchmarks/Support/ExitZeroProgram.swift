import FoundationEssentials
import Glibc
import SystemPackage

/// The smallest program there is, so that what is measured is the launch: static, no C library, one system call.
///
/// It is compiled when the measurement starts; where no C compiler is found, `/bin/true` stands in for it.
final class ExitZeroProgram {
    /// The program every row runs.
    let path: String

    /// What the header of the report says about it.
    let note: String

    private let directory: String?

    private static let source = """
        #if defined(__x86_64__)
        #define LEAVE "xor %edi, %edi; mov $231, %eax; syscall"
        #elif defined(__aarch64__)
        #define LEAVE "mov x0, #0; mov x8, #94; svc #0"
        #endif
        void _start(void) { __asm__ volatile(LEAVE); }

        """

    /// Compiles the program into a directory that every account may enter.
    init() throws {
        guard let compiler = ["cc", "gcc", "clang"].lazy.compactMap({ Subprogram.find($0) }).first else {
            path = "/bin/true"
            note = "/bin/true, because no C compiler was found for a smaller one"
            directory = nil
            return
        }
        let parent = FileManager.default.temporaryDirectory.path(percentEncoded: false)
        var template = Array("\(parent)/spawn-benchmarks-XXXXXX".utf8CString)
        guard let made = unsafe mkdtemp(&template) else {
            throw BenchmarkError(
                "no directory could be made in \(parent) (errno \(errno)); set TMPDIR to another place"
            )
        }
        let directory = unsafe String(cString: made)
        self.directory = directory
        path = "\(directory)/exit-zero"
        note = "\(path), static, without a C library"
        try Data(Self.source.utf8).write(to: URL(filePath: "\(directory)/exit-zero.c"))
        let arguments = [
            compiler, "-O2", "-static", "-nostdlib", "-s", "-Wl,--build-id=none", "-o", path,
            "\(directory)/exit-zero.c",
        ]
        let status = try unsafe StringVector.withVectors(arguments, ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]) {
            try unsafe Subprogram.wait(for: Subprogram.start(compiler, $0, $1))
        }
        guard status == 0 else {
            throw BenchmarkError("\(compiler) could not compile a program without a C library (status \(status))")
        }
        guard unsafe chmod(directory, 0o755) == 0, unsafe chmod(path, 0o755) == 0 else {
            throw BenchmarkError("\(directory) could not be opened to every account (errno \(errno))")
        }
    }

    /// Removes what was compiled.
    func remove() {
        guard let directory else { return }
        try? FileManager.default.removeItem(atPath: directory)
    }
}
