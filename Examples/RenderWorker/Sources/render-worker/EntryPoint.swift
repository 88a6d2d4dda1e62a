import ArgumentParser

@main
enum EntryPoint {
    /// Starts on the first thread, before there is another: what is blocked here is blocked in every later thread.
    @MainActor
    static func main() async {
        StopSignals.block()
        do {
            var command = try RenderWorkerCommand.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            RenderWorkerCommand.exit(withError: error)
        }
    }
}
