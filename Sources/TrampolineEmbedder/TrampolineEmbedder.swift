import Foundation

/// Compiles the freestanding trampoline with clang and writes its image as a Swift source file.
///
/// Usage: `TrampolineEmbedder CLANG SOURCE INCLUDES OUTPUT`.
@main
enum TrampolineEmbedder {
    /// Static, position-dependent, without libc, and without anything a reader of the image does not need.
    private static let options = [
        "-std=c11", "-Os", "-Wall", "-Wextra", "-Werror",
        "-ffreestanding", "-nostdlib", "-static", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
        "-fuse-ld=lld", "-Wl,-s", "-Wl,--build-id=none", "-Wl,-z,noexecstack",
    ]

    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 5 else {
            throw Failure(text: "usage: TrampolineEmbedder CLANG SOURCE INCLUDES OUTPUT")
        }
        let output = URL(fileURLWithPath: arguments[4])
        let image = output.deletingLastPathComponent().appending(path: "trampoline.image")
        defer { try? FileManager.default.removeItem(at: image) }

        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: arguments[1])
        compiler.arguments = options + ["-I", arguments[3], arguments[2], "-o", image.path(percentEncoded: false)]
        try compiler.run()
        compiler.waitUntilExit()
        guard compiler.terminationReason == .exit, compiler.terminationStatus == 0 else {
            throw Failure(text: "clang could not compile the trampoline from \(arguments[2])")
        }
        try source(of: Data(contentsOf: image)).write(to: output, atomically: true, encoding: .utf8)
    }

    private static func source(of image: Data) -> String {
        let rows = stride(from: 0, to: image.count, by: 16)
            .map { start in
                let row = image[start..<min(start + 16, image.count)]
                return "        " + row.map { String($0) }.joined(separator: ", ") + ","
            }
        return """
            /// The image of the trampoline, compiled from `CLaunchPlan/trampoline/trampoline.c`.
            enum TrampolineImage {
                static let bytes: [UInt8] = [
            \(rows.joined(separator: "\n"))
                ]
            }

            """
    }

    /// What went wrong, for the log of the build.
    private struct Failure: Error, CustomStringConvertible {
        let text: String
        var description: String { text }
    }
}
