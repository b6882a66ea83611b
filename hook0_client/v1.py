"""The messages and enums of the protocol, for the calls of a client's services: `v1.GetEventRequest(…)`.

Their documentation is proto/hook0/v1; a test holds this list to it.
"""

from hook0_client._gen.hook0.v1.account_pb2 import (
    User as User,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    BeginPasswordResetRequest as BeginPasswordResetRequest,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    BeginPasswordResetResponse as BeginPasswordResetResponse,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    ChangePasswordRequest as ChangePasswordRequest,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    ChangePasswordResponse as ChangePasswordResponse,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    DeleteAccountRequest as DeleteAccountRequest,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    DeleteAccountResponse as DeleteAccountResponse,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    GetAccountRequest as GetAccountRequest,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    GetAccountResponse as GetAccountResponse,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    LoginRequest as LoginRequest,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    LoginResponse as LoginResponse,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    LogoutRequest as LogoutRequest,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    LogoutResponse as LogoutResponse,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    RefreshSessionRequest as RefreshSessionRequest,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    RefreshSessionResponse as RefreshSessionResponse,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    RegisterRequest as RegisterRequest,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    RegisterResponse as RegisterResponse,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    ResendVerificationEmailRequest as ResendVerificationEmailRequest,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    ResendVerificationEmailResponse as ResendVerificationEmailResponse,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    ResetPasswordRequest as ResetPasswordRequest,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    ResetPasswordResponse as ResetPasswordResponse,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    VerifyEmailRequest as VerifyEmailRequest,
)
from hook0_client._gen.hook0.v1.account_service_pb2 import (
    VerifyEmailResponse as VerifyEmailResponse,
)
from hook0_client._gen.hook0.v1.application_pb2 import (
    Application as Application,
)
from hook0_client._gen.hook0.v1.application_pb2 import (
    ApplicationSecret as ApplicationSecret,
)
from hook0_client._gen.hook0.v1.application_service_pb2 import (
    CreateApplicationRequest as CreateApplicationRequest,
)
from hook0_client._gen.hook0.v1.application_service_pb2 import (
    CreateApplicationResponse as CreateApplicationResponse,
)
from hook0_client._gen.hook0.v1.application_service_pb2 import (
    CreateApplicationSecretRequest as CreateApplicationSecretRequest,
)
from hook0_client._gen.hook0.v1.application_service_pb2 import (
    CreateApplicationSecretResponse as CreateApplicationSecretResponse,
)
from hook0_client._gen.hook0.v1.application_service_pb2 import (
    DeleteApplicationRequest as DeleteApplicationRequest,
)
from hook0_client._gen.hook0.v1.application_service_pb2 import (
    DeleteApplicationResponse as DeleteApplicationResponse,
)
from hook0_client._gen.hook0.v1.application_service_pb2 import (
    DeleteApplicationSecretRequest as DeleteApplicationSecretRequest,
)
from hook0_client._gen.hook0.v1.application_service_pb2 import (
    DeleteApplicationSecretResponse as DeleteApplicationSecretResponse,
)
from hook0_client._gen.hook0.v1.application_service_pb2 import (
    GetApplicationRequest as GetApplicationRequest,
)
from hook0_client._gen.hook0.v1.application_service_pb2 import (
    GetApplicationResponse as GetApplicationResponse,
)
from hook0_client._gen.hook0.v1.application_service_pb2 import (
    ListApplicationSecretsRequest as ListApplicationSecretsRequest,
)
from hook0_client._gen.hook0.v1.application_service_pb2 import (
    ListApplicationSecretsResponse as ListApplicationSecretsResponse,
)
from hook0_client._gen.hook0.v1.application_service_pb2 import (
    ListApplicationsRequest as ListApplicationsRequest,
)
from hook0_client._gen.hook0.v1.application_service_pb2 import (
    ListApplicationsResponse as ListApplicationsResponse,
)
from hook0_client._gen.hook0.v1.application_service_pb2 import (
    UpdateApplicationRequest as UpdateApplicationRequest,
)
from hook0_client._gen.hook0.v1.application_service_pb2 import (
    UpdateApplicationResponse as UpdateApplicationResponse,
)
from hook0_client._gen.hook0.v1.application_service_pb2 import (
    UpdateApplicationSecretRequest as UpdateApplicationSecretRequest,
)
from hook0_client._gen.hook0.v1.application_service_pb2 import (
    UpdateApplicationSecretResponse as UpdateApplicationSecretResponse,
)
from hook0_client._gen.hook0.v1.attempt_pb2 import (
    Attempt as Attempt,
)
from hook0_client._gen.hook0.v1.attempt_pb2 import (
    AttemptFilter as AttemptFilter,
)
from hook0_client._gen.hook0.v1.attempt_pb2 import (
    AttemptRequest as AttemptRequest,
)
from hook0_client._gen.hook0.v1.attempt_pb2 import (
    AttemptResponse as AttemptResponse,
)
from hook0_client._gen.hook0.v1.attempt_pb2 import (
    AttemptTrigger as AttemptTrigger,
)
from hook0_client._gen.hook0.v1.attempt_pb2 import (
    Outcome as Outcome,
)
from hook0_client._gen.hook0.v1.attempt_service_pb2 import (
    GetAttemptRequest as GetAttemptRequest,
)
from hook0_client._gen.hook0.v1.attempt_service_pb2 import (
    GetAttemptResponse as GetAttemptResponse,
)
from hook0_client._gen.hook0.v1.attempt_service_pb2 import (
    ListAttemptsRequest as ListAttemptsRequest,
)
from hook0_client._gen.hook0.v1.attempt_service_pb2 import (
    ListAttemptsResponse as ListAttemptsResponse,
)
from hook0_client._gen.hook0.v1.attempt_service_pb2 import (
    WatchAttemptsRequest as WatchAttemptsRequest,
)
from hook0_client._gen.hook0.v1.attempt_service_pb2 import (
    WatchAttemptsResponse as WatchAttemptsResponse,
)
from hook0_client._gen.hook0.v1.delivery_pb2 import (
    Delivery as Delivery,
)
from hook0_client._gen.hook0.v1.delivery_pb2 import (
    DeliveryFilter as DeliveryFilter,
)
from hook0_client._gen.hook0.v1.delivery_pb2 import (
    DeliveryState as DeliveryState,
)
from hook0_client._gen.hook0.v1.delivery_service_pb2 import (
    CancelDeliveryRequest as CancelDeliveryRequest,
)
from hook0_client._gen.hook0.v1.delivery_service_pb2 import (
    CancelDeliveryResponse as CancelDeliveryResponse,
)
from hook0_client._gen.hook0.v1.delivery_service_pb2 import (
    GetDeliveryRequest as GetDeliveryRequest,
)
from hook0_client._gen.hook0.v1.delivery_service_pb2 import (
    GetDeliveryResponse as GetDeliveryResponse,
)
from hook0_client._gen.hook0.v1.delivery_service_pb2 import (
    ListDeliveriesRequest as ListDeliveriesRequest,
)
from hook0_client._gen.hook0.v1.delivery_service_pb2 import (
    ListDeliveriesResponse as ListDeliveriesResponse,
)
from hook0_client._gen.hook0.v1.delivery_service_pb2 import (
    RetryDeliveryRequest as RetryDeliveryRequest,
)
from hook0_client._gen.hook0.v1.delivery_service_pb2 import (
    RetryDeliveryResponse as RetryDeliveryResponse,
)
from hook0_client._gen.hook0.v1.error_reason_pb2 import (
    ErrorReason as ErrorReason,
)
from hook0_client._gen.hook0.v1.event_pb2 import (
    Event as Event,
)
from hook0_client._gen.hook0.v1.event_pb2 import (
    EventFilter as EventFilter,
)
from hook0_client._gen.hook0.v1.event_service_pb2 import (
    GetEventRequest as GetEventRequest,
)
from hook0_client._gen.hook0.v1.event_service_pb2 import (
    GetEventResponse as GetEventResponse,
)
from hook0_client._gen.hook0.v1.event_service_pb2 import (
    ListEventsRequest as ListEventsRequest,
)
from hook0_client._gen.hook0.v1.event_service_pb2 import (
    ListEventsResponse as ListEventsResponse,
)
from hook0_client._gen.hook0.v1.event_service_pb2 import (
    ReplayEventRequest as ReplayEventRequest,
)
from hook0_client._gen.hook0.v1.event_service_pb2 import (
    ReplayEventResponse as ReplayEventResponse,
)
from hook0_client._gen.hook0.v1.event_type_pb2 import (
    EventType as EventType,
)
from hook0_client._gen.hook0.v1.event_type_service_pb2 import (
    CreateEventTypeRequest as CreateEventTypeRequest,
)
from hook0_client._gen.hook0.v1.event_type_service_pb2 import (
    CreateEventTypeResponse as CreateEventTypeResponse,
)
from hook0_client._gen.hook0.v1.event_type_service_pb2 import (
    DeleteEventTypeRequest as DeleteEventTypeRequest,
)
from hook0_client._gen.hook0.v1.event_type_service_pb2 import (
    DeleteEventTypeResponse as DeleteEventTypeResponse,
)
from hook0_client._gen.hook0.v1.event_type_service_pb2 import (
    GetEventTypeRequest as GetEventTypeRequest,
)
from hook0_client._gen.hook0.v1.event_type_service_pb2 import (
    GetEventTypeResponse as GetEventTypeResponse,
)
from hook0_client._gen.hook0.v1.event_type_service_pb2 import (
    ListEventTypesRequest as ListEventTypesRequest,
)
from hook0_client._gen.hook0.v1.event_type_service_pb2 import (
    ListEventTypesResponse as ListEventTypesResponse,
)
from hook0_client._gen.hook0.v1.event_type_service_pb2 import (
    UpdateEventTypeRequest as UpdateEventTypeRequest,
)
from hook0_client._gen.hook0.v1.event_type_service_pb2 import (
    UpdateEventTypeResponse as UpdateEventTypeResponse,
)
from hook0_client._gen.hook0.v1.ingestion_service_pb2 import (
    NewEvent as NewEvent,
)
from hook0_client._gen.hook0.v1.ingestion_service_pb2 import (
    PublishedEvent as PublishedEvent,
)
from hook0_client._gen.hook0.v1.ingestion_service_pb2 import (
    PublishError as PublishError,
)
from hook0_client._gen.hook0.v1.ingestion_service_pb2 import (
    PublishEventRequest as PublishEventRequest,
)
from hook0_client._gen.hook0.v1.ingestion_service_pb2 import (
    PublishEventResponse as PublishEventResponse,
)
from hook0_client._gen.hook0.v1.ingestion_service_pb2 import (
    PublishEventsRequest as PublishEventsRequest,
)
from hook0_client._gen.hook0.v1.ingestion_service_pb2 import (
    PublishEventsResponse as PublishEventsResponse,
)
from hook0_client._gen.hook0.v1.ingestion_service_pb2 import (
    PublishEventStreamRequest as PublishEventStreamRequest,
)
from hook0_client._gen.hook0.v1.ingestion_service_pb2 import (
    PublishEventStreamResponse as PublishEventStreamResponse,
)
from hook0_client._gen.hook0.v1.ingestion_service_pb2 import (
    PublishResult as PublishResult,
)
from hook0_client._gen.hook0.v1.instance_service_pb2 import (
    GetQuotasRequest as GetQuotasRequest,
)
from hook0_client._gen.hook0.v1.instance_service_pb2 import (
    GetQuotasResponse as GetQuotasResponse,
)
from hook0_client._gen.hook0.v1.instance_service_pb2 import (
    ListNodesRequest as ListNodesRequest,
)
from hook0_client._gen.hook0.v1.instance_service_pb2 import (
    ListNodesResponse as ListNodesResponse,
)
from hook0_client._gen.hook0.v1.node_pb2 import (
    Node as Node,
)
from hook0_client._gen.hook0.v1.node_pb2 import (
    UnheldDeliveries as UnheldDeliveries,
)
from hook0_client._gen.hook0.v1.organization_pb2 import (
    Member as Member,
)
from hook0_client._gen.hook0.v1.organization_pb2 import (
    Organization as Organization,
)
from hook0_client._gen.hook0.v1.organization_pb2 import (
    Role as Role,
)
from hook0_client._gen.hook0.v1.organization_service_pb2 import (
    AddMemberRequest as AddMemberRequest,
)
from hook0_client._gen.hook0.v1.organization_service_pb2 import (
    AddMemberResponse as AddMemberResponse,
)
from hook0_client._gen.hook0.v1.organization_service_pb2 import (
    CreateOrganizationRequest as CreateOrganizationRequest,
)
from hook0_client._gen.hook0.v1.organization_service_pb2 import (
    CreateOrganizationResponse as CreateOrganizationResponse,
)
from hook0_client._gen.hook0.v1.organization_service_pb2 import (
    DeleteOrganizationRequest as DeleteOrganizationRequest,
)
from hook0_client._gen.hook0.v1.organization_service_pb2 import (
    DeleteOrganizationResponse as DeleteOrganizationResponse,
)
from hook0_client._gen.hook0.v1.organization_service_pb2 import (
    GetOrganizationRequest as GetOrganizationRequest,
)
from hook0_client._gen.hook0.v1.organization_service_pb2 import (
    GetOrganizationResponse as GetOrganizationResponse,
)
from hook0_client._gen.hook0.v1.organization_service_pb2 import (
    ListMembersRequest as ListMembersRequest,
)
from hook0_client._gen.hook0.v1.organization_service_pb2 import (
    ListMembersResponse as ListMembersResponse,
)
from hook0_client._gen.hook0.v1.organization_service_pb2 import (
    ListOrganizationsRequest as ListOrganizationsRequest,
)
from hook0_client._gen.hook0.v1.organization_service_pb2 import (
    ListOrganizationsResponse as ListOrganizationsResponse,
)
from hook0_client._gen.hook0.v1.organization_service_pb2 import (
    RemoveMemberRequest as RemoveMemberRequest,
)
from hook0_client._gen.hook0.v1.organization_service_pb2 import (
    RemoveMemberResponse as RemoveMemberResponse,
)
from hook0_client._gen.hook0.v1.organization_service_pb2 import (
    UpdateMemberRequest as UpdateMemberRequest,
)
from hook0_client._gen.hook0.v1.organization_service_pb2 import (
    UpdateMemberResponse as UpdateMemberResponse,
)
from hook0_client._gen.hook0.v1.organization_service_pb2 import (
    UpdateOrganizationRequest as UpdateOrganizationRequest,
)
from hook0_client._gen.hook0.v1.organization_service_pb2 import (
    UpdateOrganizationResponse as UpdateOrganizationResponse,
)
from hook0_client._gen.hook0.v1.quota_pb2 import (
    Quotas as Quotas,
)
from hook0_client._gen.hook0.v1.quota_pb2 import (
    Usage as Usage,
)
from hook0_client._gen.hook0.v1.service_token_service_pb2 import (
    CreateServiceTokenRequest as CreateServiceTokenRequest,
)
from hook0_client._gen.hook0.v1.service_token_service_pb2 import (
    CreateServiceTokenResponse as CreateServiceTokenResponse,
)
from hook0_client._gen.hook0.v1.service_token_service_pb2 import (
    DeleteServiceTokenRequest as DeleteServiceTokenRequest,
)
from hook0_client._gen.hook0.v1.service_token_service_pb2 import (
    DeleteServiceTokenResponse as DeleteServiceTokenResponse,
)
from hook0_client._gen.hook0.v1.service_token_service_pb2 import (
    GetServiceTokenRequest as GetServiceTokenRequest,
)
from hook0_client._gen.hook0.v1.service_token_service_pb2 import (
    GetServiceTokenResponse as GetServiceTokenResponse,
)
from hook0_client._gen.hook0.v1.service_token_service_pb2 import (
    ListServiceTokensRequest as ListServiceTokensRequest,
)
from hook0_client._gen.hook0.v1.service_token_service_pb2 import (
    ListServiceTokensResponse as ListServiceTokensResponse,
)
from hook0_client._gen.hook0.v1.service_token_service_pb2 import (
    ServiceToken as ServiceToken,
)
from hook0_client._gen.hook0.v1.service_token_service_pb2 import (
    UpdateServiceTokenRequest as UpdateServiceTokenRequest,
)
from hook0_client._gen.hook0.v1.service_token_service_pb2 import (
    UpdateServiceTokenResponse as UpdateServiceTokenResponse,
)
from hook0_client._gen.hook0.v1.stats_service_pb2 import (
    EventsOfDay as EventsOfDay,
)
from hook0_client._gen.hook0.v1.stats_service_pb2 import (
    GetEventsPerDayRequest as GetEventsPerDayRequest,
)
from hook0_client._gen.hook0.v1.stats_service_pb2 import (
    GetEventsPerDayResponse as GetEventsPerDayResponse,
)
from hook0_client._gen.hook0.v1.subscription_pb2 import (
    Backoff as Backoff,
)
from hook0_client._gen.hook0.v1.subscription_pb2 import (
    DeliveryOptions as DeliveryOptions,
)
from hook0_client._gen.hook0.v1.subscription_pb2 import (
    HttpTarget as HttpTarget,
)
from hook0_client._gen.hook0.v1.subscription_pb2 import (
    RetryPolicy as RetryPolicy,
)
from hook0_client._gen.hook0.v1.subscription_pb2 import (
    Subscription as Subscription,
)
from hook0_client._gen.hook0.v1.subscription_pb2 import (
    Target as Target,
)
from hook0_client._gen.hook0.v1.subscription_service_pb2 import (
    CreateSubscriptionRequest as CreateSubscriptionRequest,
)
from hook0_client._gen.hook0.v1.subscription_service_pb2 import (
    CreateSubscriptionResponse as CreateSubscriptionResponse,
)
from hook0_client._gen.hook0.v1.subscription_service_pb2 import (
    DeleteSubscriptionRequest as DeleteSubscriptionRequest,
)
from hook0_client._gen.hook0.v1.subscription_service_pb2 import (
    DeleteSubscriptionResponse as DeleteSubscriptionResponse,
)
from hook0_client._gen.hook0.v1.subscription_service_pb2 import (
    GetSubscriptionRequest as GetSubscriptionRequest,
)
from hook0_client._gen.hook0.v1.subscription_service_pb2 import (
    GetSubscriptionResponse as GetSubscriptionResponse,
)
from hook0_client._gen.hook0.v1.subscription_service_pb2 import (
    ListSubscriptionsRequest as ListSubscriptionsRequest,
)
from hook0_client._gen.hook0.v1.subscription_service_pb2 import (
    ListSubscriptionsResponse as ListSubscriptionsResponse,
)
from hook0_client._gen.hook0.v1.subscription_service_pb2 import (
    UpdateSubscriptionRequest as UpdateSubscriptionRequest,
)
from hook0_client._gen.hook0.v1.subscription_service_pb2 import (
    UpdateSubscriptionResponse as UpdateSubscriptionResponse,
)
from hook0_client._gen.hook0.v1.view_pb2 import (
    View as View,
)

# Every name above: what is imported "as" itself is what this module gives.
__all__ = [name for name in sorted(globals()) if name[0].isupper()]
