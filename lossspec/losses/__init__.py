"""The catalogue, one file a family. A family's `__all__` is what the package exports; a file names no framework."""

from lossspec.losses.adversarial import *  # noqa: F403
from lossspec.losses.classification import *  # noqa: F403
from lossspec.losses.contrastive_learning import *  # noqa: F403
from lossspec.losses.detection import *  # noqa: F403
from lossspec.losses.divergence import *  # noqa: F403
from lossspec.losses.image import *  # noqa: F403
from lossspec.losses.knowledge_distillation import *  # noqa: F403
from lossspec.losses.linear_chain import *  # noqa: F403
from lossspec.losses.linear_classification import *  # noqa: F403
from lossspec.losses.margin import *  # noqa: F403
from lossspec.losses.metric_learning import *  # noqa: F403
from lossspec.losses.policy import *  # noqa: F403
from lossspec.losses.preference import *  # noqa: F403
from lossspec.losses.ranking import *  # noqa: F403
from lossspec.losses.regression import *  # noqa: F403
from lossspec.losses.regularization import *  # noqa: F403
from lossspec.losses.segmentation import *  # noqa: F403
from lossspec.losses.self_supervised import *  # noqa: F403
from lossspec.losses.sequence import *  # noqa: F403
from lossspec.losses.structured import *  # noqa: F403
