"""The messages and enums of the protocol, for the calls of a client's services: `v1.GetEventRequest(…)`.

Their documentation is proto/hook0/v1; a test holds this list to it.
"""

from hook0_client._gen.hook0.v1.account_pb2 import (
    User as User,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    BeginPasswordResetRequest as BeginPasswordResetRequest,
    BeginPasswordResetResponse as BeginPasswordResetResponse,
    ChangePasswordRequest as ChangePasswordRequest,
    ChangePasswordResponse as ChangePasswordResponse,
    DeleteAccountRequest as DeleteAccountRequest,
    DeleteAccountResponse as DeleteAccountResponse,
    GetAccountRequest as GetAccountRequest,
    GetAccountResponse as GetAccountResponse,
    LoginRequest as LoginRequest,
    LoginResponse as LoginResponse,
    LogoutRequest as LogoutRequest,
    LogoutResponse as LogoutResponse,
    RefreshSessionRequest as RefreshSessionRequest,
    RefreshSessionResponse as RefreshSessionResponse,
    RegisterRequest as RegisterRequest,
    RegisterResponse as RegisterResponse,
    ResendVerificationEmailRequest as ResendVerificationEmailRequest,
    ResendVerificationEmailResponse as ResendVerificationEmailResponse,
    ResetPasswordRequest as ResetPasswordRequest,
    ResetPasswordResponse as ResetPasswordResponse,
    VerifyEmailRequest as VerifyEmailRequest,
    VerifyEmailResponse as VerifyEmailResponse,
)
from hook0_client._gen.hook0.v1.application_pb2 import (
    Application as Application,
    ApplicationSecret as ApplicationSecret,
)
from hook0_client._gen.hook0.v1.application_service_pb2 import (
    CreateApplicationRequest as CreateApplicationRequest,
    CreateApplicationResponse as CreateApplicationResponse,
    CreateApplicationSecretRequest as CreateApplicationSecretRequest,
    CreateApplicationSecretResponse as CreateApplicationSecretResponse,
    DeleteApplicationRequest as DeleteApplicationRequest,
    DeleteApplicationResponse as DeleteApplicationResponse,
    DeleteApplicationSecretRequest as DeleteApplicationSecretRequest,
    DeleteApplicationSecretResponse as DeleteApplicationSecretResponse,
    GetApplicationRequest as GetApplicationRequest,
    GetApplicationResponse as GetApplicationResponse,
    ListApplicationSecretsRequest as ListApplicationSecretsRequest,
    ListApplicationSecretsResponse as ListApplicationSecretsResponse,
    ListApplicationsRequest as ListApplicationsRequest,
    ListApplicationsResponse as ListApplicationsResponse,
    UpdateApplicationRequest as UpdateApplicationRequest,
    UpdateApplicationResponse as UpdateApplicationResponse,
    UpdateApplicationSecretRequest as UpdateApplicationSecretRequest,
    UpdateApplicationSecretResponse as UpdateApplicationSecretResponse,
)
from hook0_client._gen.hook0.v1.attempt_pb2 import (
    Attempt as Attempt,
    AttemptFilter as AttemptFilter,
    AttemptRequest as AttemptRequest,
    AttemptResponse as AttemptResponse,
    AttemptTrigger as AttemptTrigger,
    Outcome as Outcome,
)
from hook0_client._gen.hook0.v1.attempt_service_pb2 import (
    GetAttemptRequest as GetAttemptRequest,
    GetAttemptResponse as GetAttemptResponse,
    ListAttemptsRequest as ListAttemptsRequest,
    ListAttemptsResponse as ListAttemptsResponse,
    WatchAttemptsRequest as WatchAttemptsRequest,
    WatchAttemptsResponse as WatchAttemptsResponse,
)
from hook0_client._gen.hook0.v1.audit_pb2 import (
    AuditActorKind as AuditActorKind,
    AuditEntry as AuditEntry,
    AuditFilter as AuditFilter,
)
from hook0_client._gen.hook0.v1.audit_service_pb2 import (
    ListAuditEntriesRequest as ListAuditEntriesRequest,
    ListAuditEntriesResponse as ListAuditEntriesResponse,
)
from hook0_client._gen.hook0.v1.delivery_pb2 import (
    Delivery as Delivery,
    DeliveryFilter as DeliveryFilter,
    DeliveryState as DeliveryState,
)
from hook0_client._gen.hook0.v1.delivery_service_pb2 import (
    CancelDeliveryRequest as CancelDeliveryRequest,
    CancelDeliveryResponse as CancelDeliveryResponse,
    GetDeliveryRequest as GetDeliveryRequest,
    GetDeliveryResponse as GetDeliveryResponse,
    ListDeliveriesRequest as ListDeliveriesRequest,
    ListDeliveriesResponse as ListDeliveriesResponse,
    RetryDeliveryRequest as RetryDeliveryRequest,
    RetryDeliveryResponse as RetryDeliveryResponse,
)
from hook0_client._gen.hook0.v1.error_reason_pb2 import (
    ErrorReason as ErrorReason,
)
from hook0_client._gen.hook0.v1.event_pb2 import (
    Event as Event,
    EventFilter as EventFilter,
)
from hook0_client._gen.hook0.v1.event_service_pb2 import (
    GetEventRequest as GetEventRequest,
    GetEventResponse as GetEventResponse,
    ListEventsRequest as ListEventsRequest,
    ListEventsResponse as ListEventsResponse,
    ReplayEventRequest as ReplayEventRequest,
    ReplayEventResponse as ReplayEventResponse,
)
from hook0_client._gen.hook0.v1.event_type_pb2 import (
    EventType as EventType,
)
from hook0_client._gen.hook0.v1.event_type_service_pb2 import (
    CreateEventTypeRequest as CreateEventTypeRequest,
    CreateEventTypeResponse as CreateEventTypeResponse,
    DeleteEventTypeRequest as DeleteEventTypeRequest,
    DeleteEventTypeResponse as DeleteEventTypeResponse,
    GetEventTypeRequest as GetEventTypeRequest,
    GetEventTypeResponse as GetEventTypeResponse,
    ListEventTypesRequest as ListEventTypesRequest,
    ListEventTypesResponse as ListEventTypesResponse,
    UpdateEventTypeRequest as UpdateEventTypeRequest,
    UpdateEventTypeResponse as UpdateEventTypeResponse,
)
from hook0_client._gen.hook0.v1.ingestion_service_pb2 import (
    NewEvent as NewEvent,
    PublishedEvent as PublishedEvent,
    PublishError as PublishError,
    PublishEventRequest as PublishEventRequest,
    PublishEventResponse as PublishEventResponse,
    PublishEventsRequest as PublishEventsRequest,
    PublishEventsResponse as PublishEventsResponse,
    PublishEventStreamRequest as PublishEventStreamRequest,
    PublishEventStreamResponse as PublishEventStreamResponse,
    PublishResult as PublishResult,
)
from hook0_client._gen.hook0.v1.instance_service_pb2 import (
    ErrorReasonMeaning as ErrorReasonMeaning,
    GetInstanceRequest as GetInstanceRequest,
    GetInstanceResponse as GetInstanceResponse,
    GetQuotasRequest as GetQuotasRequest,
    GetQuotasResponse as GetQuotasResponse,
    ListErrorReasonsRequest as ListErrorReasonsRequest,
    ListErrorReasonsResponse as ListErrorReasonsResponse,
    ListNodesRequest as ListNodesRequest,
    ListNodesResponse as ListNodesResponse,
    ListPayloadContentTypesRequest as ListPayloadContentTypesRequest,
    ListPayloadContentTypesResponse as ListPayloadContentTypesResponse,
)
from hook0_client._gen.hook0.v1.node_pb2 import (
    Node as Node,
    UnheldDeliveries as UnheldDeliveries,
)
from hook0_client._gen.hook0.v1.organization_pb2 import (
    Member as Member,
    Organization as Organization,
    Role as Role,
)
from hook0_client._gen.hook0.v1.organization_service_pb2 import (
    AddMemberRequest as AddMemberRequest,
    AddMemberResponse as AddMemberResponse,
    CreateOrganizationRequest as CreateOrganizationRequest,
    CreateOrganizationResponse as CreateOrganizationResponse,
    DeleteOrganizationRequest as DeleteOrganizationRequest,
    DeleteOrganizationResponse as DeleteOrganizationResponse,
    GetOrganizationRequest as GetOrganizationRequest,
    GetOrganizationResponse as GetOrganizationResponse,
    ListMembersRequest as ListMembersRequest,
    ListMembersResponse as ListMembersResponse,
    ListOrganizationsRequest as ListOrganizationsRequest,
    ListOrganizationsResponse as ListOrganizationsResponse,
    RemoveMemberRequest as RemoveMemberRequest,
    RemoveMemberResponse as RemoveMemberResponse,
    UpdateMemberRequest as UpdateMemberRequest,
    UpdateMemberResponse as UpdateMemberResponse,
    UpdateOrganizationRequest as UpdateOrganizationRequest,
    UpdateOrganizationResponse as UpdateOrganizationResponse,
)
from hook0_client._gen.hook0.v1.quota_pb2 import (
    Quotas as Quotas,
    Usage as Usage,
)
from hook0_client._gen.hook0.v1.service_token_service_pb2 import (
    CreateServiceTokenRequest as CreateServiceTokenRequest,
    CreateServiceTokenResponse as CreateServiceTokenResponse,
    DeleteServiceTokenRequest as DeleteServiceTokenRequest,
    DeleteServiceTokenResponse as DeleteServiceTokenResponse,
    GetServiceTokenRequest as GetServiceTokenRequest,
    GetServiceTokenResponse as GetServiceTokenResponse,
    ListServiceTokensRequest as ListServiceTokensRequest,
    ListServiceTokensResponse as ListServiceTokensResponse,
    ServiceToken as ServiceToken,
    UpdateServiceTokenRequest as UpdateServiceTokenRequest,
    UpdateServiceTokenResponse as UpdateServiceTokenResponse,
)
from hook0_client._gen.hook0.v1.stats_service_pb2 import (
    EventsOfDay as EventsOfDay,
    GetEventsPerDayRequest as GetEventsPerDayRequest,
    GetEventsPerDayResponse as GetEventsPerDayResponse,
)
from hook0_client._gen.hook0.v1.subscription_pb2 import (
    Backoff as Backoff,
    DeliveryOptions as DeliveryOptions,
    HttpTarget as HttpTarget,
    RetryPolicy as RetryPolicy,
    Subscription as Subscription,
    Target as Target,
)
from hook0_client._gen.hook0.v1.subscription_service_pb2 import (
    CreateSubscriptionRequest as CreateSubscriptionRequest,
    CreateSubscriptionResponse as CreateSubscriptionResponse,
    DeleteSubscriptionRequest as DeleteSubscriptionRequest,
    DeleteSubscriptionResponse as DeleteSubscriptionResponse,
    GetSubscriptionRequest as GetSubscriptionRequest,
    GetSubscriptionResponse as GetSubscriptionResponse,
    ListSubscriptionsRequest as ListSubscriptionsRequest,
    ListSubscriptionsResponse as ListSubscriptionsResponse,
    UpdateSubscriptionRequest as UpdateSubscriptionRequest,
    UpdateSubscriptionResponse as UpdateSubscriptionResponse,
)
from hook0_client._gen.hook0.v1.view_pb2 import (
    View as View,
)

# Every name above: what is imported "as" itself is what this module gives.
__all__ = [name for name in sorted(globals()) if name[0].isupper()]
