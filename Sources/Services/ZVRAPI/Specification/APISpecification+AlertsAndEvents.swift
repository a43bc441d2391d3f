// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension APISpecification {
  /// Alerts, events and tasks: calls.
  static let alertsAndEventsCalls = """
    GET /v1/alerts -> [AlertApi]
      ? startDate datetime, endDate datetime, vpgIdentifier string, zorgIdentifier string,
        siteIdentifier string, level string:AlertLevel, entity string:AlertEntity,
        helpIdentifier string:AlertHelpIdentifier, isDismissed boolean
    GET /v1/alerts/entities -> [string]
    GET /v1/alerts/helpidentifiers -> [string]
    GET /v1/alerts/levels -> [string]
    GET /v1/alerts/{alertIdentifier} -> AlertApi
    POST /v1/alerts/{alertIdentifier}/dismiss -> nothing
    POST /v1/alerts/{alertIdentifier}/undismiss -> nothing
    GET /v1/events -> [EventApi]
      ? startDate datetime, endDate datetime, vpg string, vpgIdentifier string, siteName string,
        siteIdentifier string, zorgIdentifier string, eventType string:EventType,
        entityType string:EventEntityType, category string:EventCategory,
        eventCategory string:EventCategory, userName string, alertIdentifier string
    GET /v1/events/categories -> [string]
    GET /v1/events/entities -> [string]
    GET /v1/events/types -> [string]
    GET /v1/events/{eventIdentifier} -> EventApi
    GET /v1/tasks -> [TaskApi]
      ? startedBeforeDate datetime, startedAfterDate datetime, completedBeforeDate datetime,
        completedAfterDate datetime, type string:TaskType, status string:TaskState
    GET /v1/tasks/types -> [string]
    GET /v1/tasks/{taskIdentifier} -> TaskApi
    """

  /// Alerts, events and tasks: objects.
  static let alertsAndEventsObjects = """
    AlertApi
      Link ResourceLink?, Level string:AlertLevel?, Entity string:AlertEntity?,
      IsDismissed boolean, HelpIdentifier string:AlertHelpIdentifier?, Site ResourceLink?,
      Description string?, TurnedOn datetime, AffectedVpgs [ResourceLink]?,
      AffectedZorgs [ResourceLink]?, Generation long, TurnedOffTime datetime?
    EventApi
      Link ResourceLink?, Description string?, OccurredOn datetime, EventType integer:EventType,
      HelpLink string?, EventCompletedSuccessfully boolean, EntityType integer:EventEntityType,
      EventCategory string:EventCategory?, UserName string?,
      RelatedEntities EventRelatedEntitiesApi?, Link_{0} SelfLink, EventIdentifier string,
      SiteIdentifier string?, SiteName string?, ZorgIdentifier string?, ZorgName string?,
      Vpgs [EventVpgApi]
    EventRelatedEntitiesApi
      Vpgs [ResourceLink]?, Sites [ResourceLink]?, Hosts [ResourceLink]?, Zorgs [ResourceLink]?,
      Alerts [ResourceLink]?, FlrSessions [ResourceLink]?, Repositories [ResourceLink]?
    EventVpgApi
      Link_{0} SelfLink, VpgIdentifier string, VpgName string
    TaskApi
      Link ResourceLink?, Type string:TaskType?, Status TaskStatusApi?, InitiatedBy string?,
      Started datetime, Completed datetime?, CompleteReason string?, IsCancellable boolean,
      RelatedEntities TaskRelatedEntitiesApi?, Generation long, TaskIdentifier string
    TaskRelatedEntitiesApi
      Vpgs [ResourceLink]?, Sites [ResourceLink]?, Hosts [ResourceLink]?,
      FlrSessions [ResourceLink]?
    TaskStatusApi
      State integer:TaskState, Progress integer
    """
}
