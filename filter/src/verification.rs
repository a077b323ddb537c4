//! What a worker verifies credentials with, within its budget.

mod budget;

use sallyport_engine::facts::CredentialFault;
use sallyport_engine::metric::Metric;
use sallyport_engine::reason::DenyReason;
use sallyport_engine::time::TimeMs;

pub(crate) use budget::VerificationBudget;

use crate::configuration::Active;
use crate::host::Host;
use crate::metrics::Metrics;

/// The host, the pinned keys and the budget, at one time.
pub(crate) struct Means<'a, H: Host> {
    pub(crate) host: &'a H,
    pub(crate) active: &'a Active,
    pub(crate) metrics: &'a Metrics,
    pub(crate) budget: &'a mut VerificationBudget,
    pub(crate) now: TimeMs,
}

/// There is no processor time left for a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BudgetExceeded;

impl From<BudgetExceeded> for DenyReason {
    fn from(_: BudgetExceeded) -> Self {
        Self::VerificationBudgetExceeded
    }
}

impl<H: Host> Means<'_, H> {
    /// Verifies a token, or a part of one, that no cache knows. The outer error says that it was
    /// not tried, the inner one that it does not hold.
    pub(crate) fn verify_token<T>(
        &mut self,
        certificate_sha256: &[u8; 32],
        signatures: u32,
        verify: impl FnOnce(&Active) -> Result<T, CredentialFault>,
    ) -> Result<Result<T, CredentialFault>, BudgetExceeded> {
        let allowed = self.budget.allows(certificate_sha256, signatures, self.now);
        if !allowed {
            return Err(BudgetExceeded);
        }
        self.metrics.increment(self.host, Metric::ColdVerification);
        let result = verify(self.active);
        let outcome = result.as_ref().map(|_| ()).map_err(|fault| *fault);
        self.budget.spend(certificate_sha256, signatures, outcome);
        Ok(result)
    }

    /// Verifies a certificate that no cache knows. Its peer has shown by the TLS handshake that it
    /// is validated and new, which costs it more than us; so it needs no account of its own.
    pub(crate) fn verify_certificate<T>(
        &mut self,
        verify: impl FnOnce(&Active) -> T,
    ) -> Result<T, BudgetExceeded> {
        if !self.budget.allows_worker(CERTIFICATE_SIGNATURES, self.now) {
            return Err(BudgetExceeded);
        }
        self.metrics.increment(self.host, Metric::ColdVerification);
        self.budget.spend_worker(CERTIFICATE_SIGNATURES);
        Ok(verify(self.active))
    }
}

/// The classical and the alternative one.
const CERTIFICATE_SIGNATURES: u32 = 2;
