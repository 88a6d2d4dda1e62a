import ArgumentParser
import QubeCompatibility
import SystemPackage

extension Config {
    /// Finds what is wrong with a configuration file.
    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Finds what is wrong with a configuration file.",
            discussion:
                """
                Prints one line per finding, path:line first. Exit status 0 when the file can be used and has no key that \
                nobody knows, whatever else the warnings are; 1 otherwise.
                """
        )

        @OptionGroup var configurationOptions: ConfigurationOptions

        @Flag(help: "Print the report as one line of JSON.")
        var json = false

        @Argument(help: "The file; the one of --config, or the default one, unless named.")
        var file: String?

        func validate() throws {
            guard file == nil || configurationOptions.config == nil else {
                throw ValidationError("name the file once: after `check`, or with --config")
            }
        }

        func run() throws {
            let report: ConfigurationReport
            do {
                let loaded =
                    if let file {
                        try WorkerConfiguration.load(from: FilePath(file), trust: .readOnly)
                    } else {
                        try configurationOptions.load(trust: .readOnly)
                    }
                report = ConfigurationReport(loaded)
            } catch {
                report = ConfigurationReport(error)
            }
            if json {
                Console.output([try JSONText.line(report)])
            } else {
                Console.output(report.diagnostics.map(\.description))
                if report.passes { Console.output([summary(of: report)]) }
            }
            guard report.passes else { throw ExitCode.failure }
        }

        private func summary(of report: ConfigurationReport) -> String {
            let file = report.file ?? "built-in settings"
            switch report.diagnostics.count {
            case 0: return "\(file): nothing is wrong"
            case 1: return "\(file) can be used, with 1 warning"
            case let count: return "\(file) can be used, with \(count) warnings"
            }
        }
    }
}
