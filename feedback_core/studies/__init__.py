"""Studies: what the worker finds out about versions by refitting them, and how it is told."""

from .certificates import CertificateView as CertificateView
from .certificates import certificate as certificate
from .certificates import certificate_view as certificate_view
from .certificates import in_force as in_force
from .certificates import label_cut as label_cut
from .credits import credit as credit
from .dry_runs import dry_run as dry_run
from .effects import effects as effects
from .effects_view import EffectsView as EffectsView
from .effects_view import comparable as comparable
from .effects_view import effects_of as effects_of
from .effects_view import effects_view as effects_view
from .effects_view import to_compare as to_compare
from .forecasts import forecast as forecast
from .views import CreditView as CreditView
from .views import DryRunView as DryRunView
from .views import ForecastView as ForecastView
from .views import credit_view as credit_view
from .views import dry_run_view as dry_run_view
from .views import forecast_view as forecast_view
from .views import missing as missing
