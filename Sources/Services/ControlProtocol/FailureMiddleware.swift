// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hummingbird
internal import Logging
internal import NIOCore

/// The one place where errors become answers: always a ``ControlFailure`` in JSON.
struct FailureMiddleware: RouterMiddleware {
  typealias Context = ControlContext

  let logger: Logger

  @concurrent
  func handle(
    _ request: Request,
    context: ControlContext,
    next: @concurrent (Request, ControlContext) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch {
      let failure = Self.failure(for: error, path: request.uri.path)
      logger.log(
        level: failure.status >= 500 ? .error : .debug,
        "A control request failed",
        metadata: [
          "method": "\(request.method.rawValue)", "path": "\(request.uri.path)",
          "status": "\(failure.status)", "reason": "\(failure.message)",
        ]
      )
      return try Response(json: failure, status: HTTPResponse.Status(code: failure.status))
    }
  }

  private static func failure(for error: any Error, path: String) -> ControlFailure {
    switch error {
    case let failure as ControlFailure:
      failure
    case let error as HTTPError where error.status.code == 404:
      ControlFailure(status: 404, message: "there is nothing at \(path) for this method")
    case let error as HTTPError:
      ControlFailure(status: error.status.code, message: error.body ?? error.status.reasonPhrase)
    case is NIOTooManyBytesError:
      ControlFailure(
        status: 413,
        message: "the body is larger than \(ControlCoding.bodyLimit) bytes"
      )
    case is CancellationError:
      ControlFailure(status: 503, message: "shutting down")
    default:
      ControlFailure(status: 500, message: "\(error)")
    }
  }
}

extension Response {
  /// An answer in the control protocol's JSON.
  init(json value: some Encodable, status: HTTPResponse.Status = .ok) throws {
    self.init(
      status: status,
      headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: try ControlCoding.encode(value)))
    )
  }
}
