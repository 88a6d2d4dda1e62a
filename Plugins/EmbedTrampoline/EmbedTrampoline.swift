import Foundation
import PackagePlugin

/// Embeds the image of the trampoline in the library, so that a program that links it needs no installation step.
@main
struct EmbedTrampoline: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) async throws -> [Command] {
        let sources = context.package.directoryURL.appending(path: "Sources/CLaunchPlan")
        let trampoline = sources.appending(path: "trampoline/trampoline.c")
        let output = context.pluginWorkDirectoryURL.appending(path: "TrampolineImage.swift")
        let inputs = try FileManager.default.subpathsOfDirectory(atPath: sources.path(percentEncoded: false))
            .filter { $0.hasSuffix(".c") || $0.hasSuffix(".h") }
            .map { sources.appending(path: $0) }
        return [
            .buildCommand(
                displayName: "Compiling the trampoline",
                executable: try context.tool(named: "TrampolineEmbedder").url,
                arguments: [
                    try context.tool(named: "clang").url.path(percentEncoded: false),
                    trampoline.path(percentEncoded: false), sources.path(percentEncoded: false),
                    output.path(percentEncoded: false),
                ],
                inputFiles: inputs,
                outputFiles: [output]
            )
        ]
    }
}
