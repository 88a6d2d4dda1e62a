import SystemPackage

extension JobID {
    /// The name of the job's file.
    var file: FilePath.Component { component("job") }

    /// The name of the job's result.
    var result: FilePath.Component { component("json") }

    /// The name of the job's log.
    var log: FilePath.Component { component("log") }

    private func component(_ fileExtension: String) -> FilePath.Component {
        guard let name = FilePath.Component("\(description).\(fileExtension)") else {
            preconditionFailure("an id has no slash and is not empty")
        }
        return name
    }
}
