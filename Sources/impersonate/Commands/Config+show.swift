import ArgumentParser
import QubeCompatibility

extension Config {
    /// Prints every setting that counts, with the place it was made.
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints every setting that counts, with the place it was made; secrets are not shown.",
            discussion: "Exit status 0, or 1 when the configuration cannot be used."
        )

        @OptionGroup var configurationOptions: ConfigurationOptions

        @Flag(help: "Print the settings as one line of JSON.")
        var json = false

        func run() throws {
            let report: ConfigurationReport
            var rendered = ""
            do {
                let loaded = try configurationOptions.load(trust: .readOnly)
                report = ConfigurationReport(loaded)
                rendered = loaded.configuration.rendered()
            } catch {
                report = ConfigurationReport(error)
            }
            if json { Console.output([try JSONText.line(report)]) }
            if !json {
                Console.output(rendered.split(separator: "\n").map(String.init))
                Console.error(report.diagnostics.map(\.description))
            }
            guard !report.diagnostics.contains(where: { $0.severity == .error }) else { throw ExitCode.failure }
        }
    }
}
