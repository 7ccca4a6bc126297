# Written by python -m tests.losses_stub.
from lossspec.losses._typed import *
from lossspec.losses.classification.output_layers import adaptive_log_probabilities as adaptive_log_probabilities
from lossspec.losses.linear_chain import crf_decode as crf_decode
from lossspec.losses.linear_chain import crf_marginals as crf_marginals

_Reduction_s: TypeAlias = Literal['sum'] | None
_Reduction_m_cm_o: TypeAlias = Literal['mean', 'count_mean'] | Mean | None
_Reduction_m_cm_bm_o: TypeAlias = Literal['mean', 'count_mean', 'batch_mean'] | Mean | None
_Reduction_n_s_m_cm_bm_o: TypeAlias = Literal['none', 'sum', 'mean', 'count_mean', 'batch_mean'] | Mean | None
_Reduction_n_s_m_cm_bm_o_lm_tm: TypeAlias = Literal['none', 'sum', 'mean', 'count_mean', 'batch_mean', 'length_mean', 'token_mean'] | Mean | None

class _absolute_error_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _absolute_error(Typed):
    """Absolute error of prediction and target."""
    def __call__(self, predictions: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Absolute error of prediction and target."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_absolute_error_options]) -> Any: ...
    def configured(self, **options: Unpack[_absolute_error_options]) -> Self: ...
absolute_error: _absolute_error

class _absolute_percentage_error_options(TypedDict, total=False): epsilon: Varying; percent: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _absolute_percentage_error(Typed):
    """Absolute percentage error: the absolute error as a part of the target."""
    def __call__(self, predictions: Array, targets: Array, *, epsilon: Varying = 1e-07, percent: bool = False, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Absolute percentage error: the absolute error as a part of the target."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'epsilon', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_absolute_percentage_error_options]) -> Any: ...
    def configured(self, **options: Unpack[_absolute_percentage_error_options]) -> Self: ...
absolute_percentage_error: _absolute_percentage_error

class _adaptive_log_softmax_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _adaptive_log_softmax(Typed):
    """Adaptive softmax: cross entropy over many classes, first of a cluster, then of a class in it."""
    def __call__(self, features: Array, labels: Array, head: Array, projections: Arrays, tails: Arrays, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Adaptive softmax: cross entropy over many classes, first of a cluster, then of a class in it."""
    def grad(self, features: Array, labels: Array, head: Array, projections: Arrays, tails: Arrays, *, wrt: Wrt[Literal['features', 'head', 'projections', 'tails', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_adaptive_log_softmax_options]) -> Any: ...
    def configured(self, **options: Unpack[_adaptive_log_softmax_options]) -> Self: ...
adaptive_log_softmax: _adaptive_log_softmax

class _adaptive_wing_options(TypedDict, total=False): omega: Varying; theta: Varying; epsilon: Varying; alpha: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _adaptive_wing(Typed):
    """Adaptive wing loss of heatmaps of landmarks: a wing loss on bright pixels, nearly a squared error on dark ones."""
    def __call__(self, predictions: Array, targets: Array, *, omega: Varying = 14.0, theta: Varying = 0.5, epsilon: Varying = 1.0, alpha: Varying = 2.1, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Adaptive wing loss of heatmaps of landmarks: a wing loss on bright pixels, nearly a squared error on dark ones."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'omega', 'theta', 'epsilon', 'alpha', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_adaptive_wing_options]) -> Any: ...
    def configured(self, **options: Unpack[_adaptive_wing_options]) -> Self: ...
adaptive_wing: _adaptive_wing

class _advantage_weighted_regression_options(TypedDict, total=False): beta: Varying; max_weight: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _advantage_weighted_regression(Typed):
    """Advantage-weighted regression: the log-likelihood of actions, weighed by the exponential of their advantages."""
    def __call__(self, log_probabilities: Array, advantages: Array, *, beta: Varying = 1.0, max_weight: Varying = 20.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Advantage-weighted regression: the log-likelihood of actions, weighed by the exponential of their advantages."""
    def grad(self, log_probabilities: Array, advantages: Array, *, wrt: Wrt[Literal['log_probabilities', 'advantages', 'beta', 'max_weight', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_advantage_weighted_regression_options]) -> Any: ...
    def configured(self, **options: Unpack[_advantage_weighted_regression_options]) -> Self: ...
advantage_weighted_regression: _advantage_weighted_regression

class _alignment_options(TypedDict, total=False): alpha: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _alignment(Typed):
    """Alignment loss: a power of the distance of the embeddings of two views of one example."""
    def __call__(self, first: Array, second: Array, *, alpha: Varying = 2.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Alignment loss: a power of the distance of the embeddings of two views of one example."""
    def grad(self, first: Array, second: Array, *, wrt: Wrt[Literal['first', 'second', 'alpha', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_alignment_options]) -> Any: ...
    def configured(self, **options: Unpack[_alignment_options]) -> Self: ...
alignment: _alignment

class _alpha_iou_options(TypedDict, total=False): alpha: Varying; format: Literal['xyxy', 'xywh', 'cxcywh']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _alpha_iou(Typed):
    """Alpha-IoU loss: one minus a power of the intersection over union of two boxes."""
    def __call__(self, predictions: Array, targets: Array, *, alpha: Varying = 3.0, format: Literal['xyxy', 'xywh', 'cxcywh'] = 'xyxy', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Alpha-IoU loss: one minus a power of the intersection over union of two boxes."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'alpha', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_alpha_iou_options]) -> Any: ...
    def configured(self, **options: Unpack[_alpha_iou_options]) -> Self: ...
alpha_iou: _alpha_iou

class _alpha_po_options(TypedDict, total=False): beta: Varying; alpha: Varying; gamma: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _alpha_po(Typed):
    """AlphaPO: `simpo` of rewards that are a power of the probability in place of its logarithm."""
    def __call__(self, chosen: Array, rejected: Array, *, beta: Varying = 2.5, alpha: Varying = 0.25, gamma: Varying = 0.1, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """AlphaPO: `simpo` of rewards that are a power of the probability in place of its logarithm."""
    def grad(self, chosen: Array, rejected: Array, *, wrt: Wrt[Literal['chosen', 'rejected', 'beta', 'alpha', 'gamma', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_alpha_po_options]) -> Any: ...
    def configured(self, **options: Unpack[_alpha_po_options]) -> Self: ...
alpha_po: _alpha_po

class _angle_similarity_options(TypedDict, total=False): scale: Number; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _angle_similarity(Typed):
    """AnglE: CoSENT with a similarity of complex vectors in place of the cosine, whose slope is not flat at its ends."""
    def __call__(self, first: Array, second: Array, labels: Array, *, scale: Number = 20.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """AnglE: CoSENT with a similarity of complex vectors in place of the cosine, whose slope is not flat at its ends."""
    def grad(self, first: Array, second: Array, labels: Array, *, wrt: Wrt[Literal['first', 'second', 'labels', 'scale', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_angle_similarity_options]) -> Any: ...
    def configured(self, **options: Unpack[_angle_similarity_options]) -> Self: ...
angle_similarity: _angle_similarity

class _aot_options(TypedDict, total=False): beta: Number; label_smoothing: Number; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _aot(Typed):
    """AOT of pairs (alignment via optimal transport): `dpo` of the sorted margins of policy and reference."""
    def __call__(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, beta: Number = 0.1, label_smoothing: Number = 0.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """AOT of pairs (alignment via optimal transport): `dpo` of the sorted margins of policy and reference."""
    def grad(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, wrt: Wrt[Literal['policy_chosen', 'policy_rejected', 'reference_chosen', 'reference_rejected', 'beta', 'label_smoothing', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_aot_options]) -> Any: ...
    def configured(self, **options: Unpack[_aot_options]) -> Self: ...
aot: _aot

class _aot_unpaired_options(TypedDict, total=False): beta: Number; label_smoothing: Number; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _aot_unpaired(Typed):
    """AOT of unpaired answers (alignment via optimal transport): `dpo` of sorted log-ratios of good and bad answers."""
    def __call__(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, beta: Number = 0.1, label_smoothing: Number = 0.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """AOT of unpaired answers (alignment via optimal transport): `dpo` of sorted log-ratios of good and bad answers."""
    def grad(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, wrt: Wrt[Literal['policy_chosen', 'policy_rejected', 'reference_chosen', 'reference_rejected', 'beta', 'label_smoothing', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_aot_unpaired_options]) -> Any: ...
    def configured(self, **options: Unpack[_aot_unpaired_options]) -> Self: ...
aot_unpaired: _aot_unpaired

class _apo_down_options(TypedDict, total=False): beta: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _apo_down(Typed):
    """APO-down (anchored preference optimization): lowers the chosen answer, and the rejected one by more."""
    def __call__(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, beta: Varying = 0.1, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """APO-down (anchored preference optimization): lowers the chosen answer, and the rejected one by more."""
    def grad(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, wrt: Wrt[Literal['policy_chosen', 'policy_rejected', 'reference_chosen', 'reference_rejected', 'beta', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_apo_down_options]) -> Any: ...
    def configured(self, **options: Unpack[_apo_down_options]) -> Self: ...
apo_down: _apo_down

class _apo_zero_options(TypedDict, total=False): beta: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _apo_zero(Typed):
    """APO-zero (anchored preference optimization): raises the chosen answer and lowers the rejected one."""
    def __call__(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, beta: Varying = 0.1, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """APO-zero (anchored preference optimization): raises the chosen answer and lowers the rejected one."""
    def grad(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, wrt: Wrt[Literal['policy_chosen', 'policy_rejected', 'reference_chosen', 'reference_rejected', 'beta', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_apo_zero_options]) -> Any: ...
    def configured(self, **options: Unpack[_apo_zero_options]) -> Self: ...
apo_zero: _apo_zero

class _approx_ndcg_options(TypedDict, total=False): temperature: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _approx_ndcg(Typed):
    """ApproxNDCG: minus the NDCG of ranks that are smooth in the scores."""
    def __call__(self, scores: Array, labels: Array, *, temperature: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """ApproxNDCG: minus the NDCG of ranks that are smooth in the scores."""
    def grad(self, scores: Array, labels: Array, *, wrt: Wrt[Literal['scores', 'labels', 'temperature', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_approx_ndcg_options]) -> Any: ...
    def configured(self, **options: Unpack[_approx_ndcg_options]) -> Self: ...
approx_ndcg: _approx_ndcg

class _arcface_options(TypedDict, total=False): margin: Varying; scale: Varying; monotone: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None
class _arcface(Typed):
    """ArcFace: cross entropy of cosines, with a margin added to the angle with the own class."""
    def __call__(self, embeddings: Array, prototypes: Array, labels: Array, *, margin: Varying = 0.5, scale: Varying = 64.0, monotone: bool = False, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None) -> Result: """ArcFace: cross entropy of cosines, with a margin added to the angle with the own class."""
    def grad(self, embeddings: Array, prototypes: Array, labels: Array, *, wrt: Wrt[Literal['embeddings', 'prototypes', 'margin', 'scale', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_arcface_options]) -> Any: ...
    def configured(self, **options: Unpack[_arcface_options]) -> Self: ...
arcface: _arcface

class _asymmetric_options(TypedDict, total=False): gamma_positive: Varying; gamma_negative: Varying; clip: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _asymmetric(Typed):
    """Asymmetric loss of yes/no targets: a focal loss that forgets easy negatives sooner than positives."""
    def __call__(self, logits: Array, targets: Array, *, gamma_positive: Varying = 1.0, gamma_negative: Varying = 4.0, clip: Varying = 0.05, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Asymmetric loss of yes/no targets: a focal loss that forgets easy negatives sooner than positives."""
    def grad(self, logits: Array, targets: Array, *, wrt: Wrt[Literal['logits', 'targets', 'gamma_positive', 'gamma_negative', 'clip', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_asymmetric_options]) -> Any: ...
    def configured(self, **options: Unpack[_asymmetric_options]) -> Self: ...
asymmetric: _asymmetric

class _balanced_l1_options(TypedDict, total=False): alpha: Varying; gamma: Varying; beta: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _balanced_l1(Typed):
    """Balanced L1 loss (Libra R-CNN): `smooth_l1` in which small errors have more of the gradient."""
    def __call__(self, predictions: Array, targets: Array, *, alpha: Varying = 0.5, gamma: Varying = 1.5, beta: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Balanced L1 loss (Libra R-CNN): `smooth_l1` in which small errors have more of the gradient."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'alpha', 'gamma', 'beta', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_balanced_l1_options]) -> Any: ...
    def configured(self, **options: Unpack[_balanced_l1_options]) -> Self: ...
balanced_l1: _balanced_l1

class _barlow_twins_options(TypedDict, total=False): redundancy: Number; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _barlow_twins(Typed):
    """Barlow Twins: the distance of the cross-correlation of two views' features from the identity."""
    def __call__(self, first: Array, second: Array, *, redundancy: Number = 0.005, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Barlow Twins: the distance of the cross-correlation of two views' features from the identity."""
    def grad(self, first: Array, second: Array, *, wrt: Wrt[Literal['first', 'second', 'redundancy', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_barlow_twins_options]) -> Any: ...
    def configured(self, **options: Unpack[_barlow_twins_options]) -> Self: ...
barlow_twins: _barlow_twins

class _batch_dice_options(TypedDict, total=False): smooth: Number; smooth_denominator: Number | None; squared: bool; overlap: Literal['product', 'minimum']; absent: Literal['counted', 'zero']; average: Literal['macro', 'micro']; channel_weight: Numbers | None; reduction: _Reduction_s; empty: Empty
class _batch_dice(Typed):
    """Dice loss over the whole batch, averaged over the channels."""
    def __call__(self, probabilities: Array, targets: Array, *, smooth: Number = 0.0, smooth_denominator: Number | None = None, squared: bool = False, overlap: Literal['product', 'minimum'] = 'product', absent: Literal['counted', 'zero'] = 'counted', average: Literal['macro', 'micro'] = 'macro', channel_weight: Numbers | None = None, reduction: _Reduction_s = 'sum', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Dice loss over the whole batch, averaged over the channels."""
    def grad(self, probabilities: Array, targets: Array, *, wrt: Wrt[Literal['probabilities', 'targets', 'smooth', 'smooth_denominator', 'channel_weight', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_batch_dice_options]) -> Any: ...
    def configured(self, **options: Unpack[_batch_dice_options]) -> Self: ...
batch_dice: _batch_dice

class _batch_hard_triplet_options(TypedDict, total=False): margin: Number; soft: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _batch_hard_triplet(Typed):
    """Batch-hard triplet loss: each example with the furthest of its group and the nearest of another group."""
    def __call__(self, embeddings: Array, labels: Array, *, margin: Number = 0.2, soft: bool = False, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Batch-hard triplet loss: each example with the furthest of its group and the nearest of another group."""
    def grad(self, embeddings: Array, labels: Array, *, wrt: Wrt[Literal['embeddings', 'margin', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_batch_hard_triplet_options]) -> Any: ...
    def configured(self, **options: Unpack[_batch_hard_triplet_options]) -> Self: ...
batch_hard_triplet: _batch_hard_triplet

class _batch_tversky_options(TypedDict, total=False): alpha: Number; beta: Number; smooth: Number; smooth_denominator: Number | None; overlap: Literal['product', 'minimum']; absent: Literal['counted', 'zero']; average: Literal['macro', 'micro']; channel_weight: Numbers | None; reduction: _Reduction_s; empty: Empty
class _batch_tversky(Typed):
    """Tversky loss over the whole batch, averaged over the channels."""
    def __call__(self, probabilities: Array, targets: Array, *, alpha: Number = 0.5, beta: Number = 0.5, smooth: Number = 0.0, smooth_denominator: Number | None = None, overlap: Literal['product', 'minimum'] = 'product', absent: Literal['counted', 'zero'] = 'counted', average: Literal['macro', 'micro'] = 'macro', channel_weight: Numbers | None = None, reduction: _Reduction_s = 'sum', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Tversky loss over the whole batch, averaged over the channels."""
    def grad(self, probabilities: Array, targets: Array, *, wrt: Wrt[Literal['probabilities', 'targets', 'alpha', 'beta', 'smooth', 'smooth_denominator', 'channel_weight', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_batch_tversky_options]) -> Any: ...
    def configured(self, **options: Unpack[_batch_tversky_options]) -> Self: ...
batch_tversky: _batch_tversky

class _bco_options(TypedDict, total=False): beta: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _bco(Typed):
    """BCO (binary classifier optimization): logistic regression of good against bad answers on implicit rewards."""
    def __call__(self, policy: Array, reference: Array, labels: Array, reward_shift: Array, *, beta: Varying = 0.1, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """BCO (binary classifier optimization): logistic regression of good against bad answers on implicit rewards."""
    def grad(self, policy: Array, reference: Array, labels: Array, reward_shift: Array, *, wrt: Wrt[Literal['policy', 'reference', 'labels', 'reward_shift', 'beta', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_bco_options]) -> Any: ...
    def configured(self, **options: Unpack[_bco_options]) -> Self: ...
bco: _bco

class _bending_energy_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _bending_energy(Typed):
    """Bending energy of a field of displacements: the mean of its squared second derivatives, 0 if it is affine."""
    def __call__(self, displacements: Shards, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Bending energy of a field of displacements: the mean of its squared second derivatives, 0 if it is affine."""
    def grad(self, displacements: Shards, *, wrt: Wrt[Literal['displacements', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_bending_energy_options]) -> Any: ...
    def configured(self, **options: Unpack[_bending_energy_options]) -> Self: ...
bending_energy: _bending_energy

class _beta_nll_options(TypedDict, total=False): beta: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _beta_nll(Typed):
    """Gaussian negative log-likelihood, each unit times its variance to the power `beta`, which is held constant."""
    def __call__(self, predictions: Array, targets: Array, variances: Array, *, beta: Varying = 0.5, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Gaussian negative log-likelihood, each unit times its variance to the power `beta`, which is held constant."""
    def grad(self, predictions: Array, targets: Array, variances: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'variances', 'beta', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_beta_nll_options]) -> Any: ...
    def configured(self, **options: Unpack[_beta_nll_options]) -> Self: ...
beta_nll: _beta_nll

class _bi_tempered_logistic_options(TypedDict, total=False): t1: Varying; t2: Varying; label_smoothing: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _bi_tempered_logistic(Typed):
    """Bi-tempered logistic loss for noisy labels: bounded for t1 < 1, and under a softmax with heavy tails for t2 > 1."""
    def __call__(self, logits: Array, labels: Array, *, t1: Varying = 0.8, t2: Varying = 1.4, label_smoothing: Varying = 0.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Bi-tempered logistic loss for noisy labels: bounded for t1 < 1, and under a softmax with heavy tails for t2 > 1."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'labels', 't1', 't2', 'label_smoothing', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_bi_tempered_logistic_options]) -> Any: ...
    def configured(self, **options: Unpack[_bi_tempered_logistic_options]) -> Self: ...
bi_tempered_logistic: _bi_tempered_logistic

class _binary_brier_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _binary_brier(Typed):
    """Brier score of yes/no targets: the squared difference of the probability of yes from the target."""
    def __call__(self, probabilities: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Brier score of yes/no targets: the squared difference of the probability of yes from the target."""
    def grad(self, probabilities: Array, targets: Array, *, wrt: Wrt[Literal['probabilities', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_binary_brier_options]) -> Any: ...
    def configured(self, **options: Unpack[_binary_brier_options]) -> Self: ...
binary_brier: _binary_brier

class _binary_cross_entropy_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _binary_cross_entropy(Typed):
    """Binary cross entropy of a yes/no target, from its probability."""
    def __call__(self, probabilities: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Binary cross entropy of a yes/no target, from its probability."""
    def grad(self, probabilities: Array, targets: Array, *, wrt: Wrt[Literal['probabilities', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_binary_cross_entropy_options]) -> Any: ...
    def configured(self, **options: Unpack[_binary_cross_entropy_options]) -> Self: ...
binary_cross_entropy: _binary_cross_entropy

class _binary_cross_entropy_with_logits_options(TypedDict, total=False): pos_weight: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _binary_cross_entropy_with_logits(Typed):
    """Binary cross entropy: the negative log-likelihood of a yes/no target under sigmoid(logits)."""
    def __call__(self, logits: Array, targets: Array, *, pos_weight: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Binary cross entropy: the negative log-likelihood of a yes/no target under sigmoid(logits)."""
    def grad(self, logits: Array, targets: Array, *, wrt: Wrt[Literal['logits', 'targets', 'pos_weight', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_binary_cross_entropy_with_logits_options]) -> Any: ...
    def configured(self, **options: Unpack[_binary_cross_entropy_with_logits_options]) -> Self: ...
binary_cross_entropy_with_logits: _binary_cross_entropy_with_logits

class _binary_sparsemax_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _binary_sparsemax(Typed):
    """Sparsemax loss of yes/no targets: 0 as soon as the logit is beyond 1 on their side."""
    def __call__(self, logits: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Sparsemax loss of yes/no targets: 0 as soon as the logit is beyond 1 on their side."""
    def grad(self, logits: Array, targets: Array, *, wrt: Wrt[Literal['logits', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_binary_sparsemax_options]) -> Any: ...
    def configured(self, **options: Unpack[_binary_sparsemax_options]) -> Self: ...
binary_sparsemax: _binary_sparsemax

class _boundary_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _boundary(Typed):
    """Boundary loss: the mean over space of probability times signed distance from the true boundary."""
    def __call__(self, probabilities: Array, distances: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Boundary loss: the mean over space of probability times signed distance from the true boundary."""
    def grad(self, probabilities: Array, distances: Array, *, wrt: Wrt[Literal['probabilities', 'distances', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_boundary_options]) -> Any: ...
    def configured(self, **options: Unpack[_boundary_options]) -> Self: ...
boundary: _boundary

class _bpr_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _bpr(Typed):
    """BPR (Bayesian personalized ranking): the logistic loss of a chosen item's score minus one not chosen."""
    def __call__(self, positive_scores: Array, negative_scores: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """BPR (Bayesian personalized ranking): the logistic loss of a chosen item's score minus one not chosen."""
    def grad(self, positive_scores: Array, negative_scores: Array, *, wrt: Wrt[Literal['positive_scores', 'negative_scores', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_bpr_options]) -> Any: ...
    def configured(self, **options: Unpack[_bpr_options]) -> Self: ...
bpr: _bpr

class _brier_options(TypedDict, total=False): scale_by_half: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _brier(Typed):
    """Brier score: the squared distance of the probabilities from the one-hot label, summed over classes."""
    def __call__(self, probabilities: Array, labels: Array, *, scale_by_half: bool = False, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Brier score: the squared distance of the probabilities from the one-hot label, summed over classes."""
    def grad(self, probabilities: Array, labels: Array, *, wrt: Wrt[Literal['probabilities', 'labels', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_brier_options]) -> Any: ...
    def configured(self, **options: Unpack[_brier_options]) -> Self: ...
brier: _brier

class _categorical_cross_entropy_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _categorical_cross_entropy(Typed):
    """Cross entropy of the labels, from probabilities."""
    def __call__(self, probabilities: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Cross entropy of the labels, from probabilities."""
    def grad(self, probabilities: Array, labels: Array, *, wrt: Wrt[Literal['probabilities', 'labels', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_categorical_cross_entropy_options]) -> Any: ...
    def configured(self, **options: Unpack[_categorical_cross_entropy_options]) -> Self: ...
categorical_cross_entropy: _categorical_cross_entropy

class _categorical_hinge_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _categorical_hinge(Typed):
    """Categorical hinge loss of Keras: a multi-class hinge in which the label competes as a class of score 0."""
    def __call__(self, logits: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Categorical hinge loss of Keras: a multi-class hinge in which the label competes as a class of score 0."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'labels', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_categorical_hinge_options]) -> Any: ...
    def configured(self, **options: Unpack[_categorical_hinge_options]) -> Self: ...
categorical_hinge: _categorical_hinge

class _categorical_td_options(TypedDict, total=False): lowest: Number; step: Number; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _categorical_td(Typed):
    """Categorical TD loss (C51): the cross entropy of a return with its target, moved and projected on the atoms."""
    def __call__(self, logits: Array, targets: Array, rewards: Array, discounts: Array, *, lowest: Number = -10.0, step: Number = 0.4, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Categorical TD loss (C51): the cross entropy of a return with its target, moved and projected on the atoms."""
    def grad(self, logits: Array, targets: Array, rewards: Array, discounts: Array, *, wrt: Wrt[Literal['logits', 'targets', 'rewards', 'discounts', 'lowest', 'step', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_categorical_td_options]) -> Any: ...
    def configured(self, **options: Unpack[_categorical_td_options]) -> Self: ...
categorical_td: _categorical_td

class _center_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None
class _center(Typed):
    """Center loss: half the squared distance of each embedding from the center of its class."""
    def __call__(self, embeddings: Array, centers: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None) -> Result: """Center loss: half the squared distance of each embedding from the center of its class."""
    def grad(self, embeddings: Array, centers: Array, labels: Array, *, wrt: Wrt[Literal['embeddings', 'centers', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_center_options]) -> Any: ...
    def configured(self, **options: Unpack[_center_options]) -> Self: ...
center: _center

class _chain_hinge_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o_lm_tm; empty: Empty; axis: int
class _chain_hinge(Typed):
    """Structured hinge loss of a linear chain (max-margin Markov network), whose margin grows with the cost of labels."""
    def __call__(self, emissions: Array, labels: Array, costs: Array, lengths: Array, transitions: Array, start: Array, end: Array, *, reduction: _Reduction_n_s_m_cm_bm_o_lm_tm = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Structured hinge loss of a linear chain (max-margin Markov network), whose margin grows with the cost of labels."""
    def grad(self, emissions: Array, labels: Array, costs: Array, lengths: Array, transitions: Array, start: Array, end: Array, *, wrt: Wrt[Literal['emissions', 'costs', 'transitions', 'start', 'end', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_chain_hinge_options]) -> Any: ...
    def configured(self, **options: Unpack[_chain_hinge_options]) -> Self: ...
chain_hinge: _chain_hinge

class _chain_infinite_ramp_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o_lm_tm; empty: Empty; axis: int
class _chain_infinite_ramp(Typed):
    """Ramp loss of a linear chain without right labels: the best of the cheapest label sequences takes their place."""
    def __call__(self, emissions: Array, costs: Array, lengths: Array, transitions: Array, start: Array, end: Array, *, reduction: _Reduction_n_s_m_cm_bm_o_lm_tm = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Ramp loss of a linear chain without right labels: the best of the cheapest label sequences takes their place."""
    def grad(self, emissions: Array, costs: Array, lengths: Array, transitions: Array, start: Array, end: Array, *, wrt: Wrt[Literal['emissions', 'costs', 'transitions', 'start', 'end', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_chain_infinite_ramp_options]) -> Any: ...
    def configured(self, **options: Unpack[_chain_infinite_ramp_options]) -> Self: ...
chain_infinite_ramp: _chain_infinite_ramp

class _chain_perceptron_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o_lm_tm; empty: Empty; axis: int
class _chain_perceptron(Typed):
    """Structured perceptron loss of a linear chain: the score of the best label sequence minus that of the right one."""
    def __call__(self, emissions: Array, labels: Array, lengths: Array, transitions: Array, start: Array, end: Array, *, reduction: _Reduction_n_s_m_cm_bm_o_lm_tm = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Structured perceptron loss of a linear chain: the score of the best label sequence minus that of the right one."""
    def grad(self, emissions: Array, labels: Array, lengths: Array, transitions: Array, start: Array, end: Array, *, wrt: Wrt[Literal['emissions', 'transitions', 'start', 'end', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_chain_perceptron_options]) -> Any: ...
    def configured(self, **options: Unpack[_chain_perceptron_options]) -> Self: ...
chain_perceptron: _chain_perceptron

class _chain_ramp_options(TypedDict, total=False): variant: Literal[1, 2, 3]; reduction: _Reduction_n_s_m_cm_bm_o_lm_tm; empty: Empty; axis: int
class _chain_ramp(Typed):
    """Ramp loss of a linear chain: the gap between two best scores, found with costs added, left out or subtracted."""
    def __call__(self, emissions: Array, costs: Array, lengths: Array, transitions: Array, start: Array, end: Array, *, variant: Literal[1, 2, 3] = 1, reduction: _Reduction_n_s_m_cm_bm_o_lm_tm = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Ramp loss of a linear chain: the gap between two best scores, found with costs added, left out or subtracted."""
    def grad(self, emissions: Array, costs: Array, lengths: Array, transitions: Array, start: Array, end: Array, *, wrt: Wrt[Literal['emissions', 'costs', 'transitions', 'start', 'end', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_chain_ramp_options]) -> Any: ...
    def configured(self, **options: Unpack[_chain_ramp_options]) -> Self: ...
chain_ramp: _chain_ramp

class _chain_risk_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o_lm_tm; empty: Empty; axis: int
class _chain_risk(Typed):
    """Bayes risk of a linear chain: the expected cost of a label sequence that is drawn from it."""
    def __call__(self, emissions: Array, costs: Array, lengths: Array, transitions: Array, start: Array, end: Array, *, reduction: _Reduction_n_s_m_cm_bm_o_lm_tm = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Bayes risk of a linear chain: the expected cost of a label sequence that is drawn from it."""
    def grad(self, emissions: Array, costs: Array, lengths: Array, transitions: Array, start: Array, end: Array, *, wrt: Wrt[Literal['emissions', 'costs', 'transitions', 'start', 'end', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_chain_risk_options]) -> Any: ...
    def configured(self, **options: Unpack[_chain_risk_options]) -> Self: ...
chain_risk: _chain_risk

class _chain_soft_ramp_options(TypedDict, total=False): variant: Literal[1, 2, 3]; reduction: _Reduction_n_s_m_cm_bm_o_lm_tm; empty: Empty; axis: int
class _chain_soft_ramp(Typed):
    """Soft ramp loss of a linear chain: `chain_ramp` with log-sum-exp in place of each maximum."""
    def __call__(self, emissions: Array, costs: Array, lengths: Array, transitions: Array, start: Array, end: Array, *, variant: Literal[1, 2, 3] = 1, reduction: _Reduction_n_s_m_cm_bm_o_lm_tm = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Soft ramp loss of a linear chain: `chain_ramp` with log-sum-exp in place of each maximum."""
    def grad(self, emissions: Array, costs: Array, lengths: Array, transitions: Array, start: Array, end: Array, *, wrt: Wrt[Literal['emissions', 'costs', 'transitions', 'start', 'end', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_chain_soft_ramp_options]) -> Any: ...
    def configured(self, **options: Unpack[_chain_soft_ramp_options]) -> Self: ...
chain_soft_ramp: _chain_soft_ramp

class _chain_softmax_margin_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o_lm_tm; empty: Empty; axis: int
class _chain_softmax_margin(Typed):
    """Softmax-margin loss of a linear chain: `crf` with the cost of each label sequence added to its score."""
    def __call__(self, emissions: Array, labels: Array, costs: Array, lengths: Array, transitions: Array, start: Array, end: Array, *, reduction: _Reduction_n_s_m_cm_bm_o_lm_tm = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Softmax-margin loss of a linear chain: `crf` with the cost of each label sequence added to its score."""
    def grad(self, emissions: Array, labels: Array, costs: Array, lengths: Array, transitions: Array, start: Array, end: Array, *, wrt: Wrt[Literal['emissions', 'costs', 'transitions', 'start', 'end', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_chain_softmax_margin_options]) -> Any: ...
    def configured(self, **options: Unpack[_chain_softmax_margin_options]) -> Self: ...
chain_softmax_margin: _chain_softmax_margin

class _chamfer_distance_options(TypedDict, total=False): squared: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _chamfer_distance(Typed):
    """Chamfer distance of two clouds of points: the mean distance of the nearest point of the other, both ways, added."""
    def __call__(self, predictions: Array, targets: Array, *, squared: bool = True, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Chamfer distance of two clouds of points: the mean distance of the nearest point of the other, both ways, added."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_chamfer_distance_options]) -> Any: ...
    def configured(self, **options: Unpack[_chamfer_distance_options]) -> Self: ...
chamfer_distance: _chamfer_distance

class _chi_squared_divergence_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _chi_squared_divergence(Typed):
    """Pearson's chi-squared divergence: squared differences over the predicted probabilities."""
    def __call__(self, predictions: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Pearson's chi-squared divergence: squared differences over the predicted probabilities."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_chi_squared_divergence_options]) -> Any: ...
    def configured(self, **options: Unpack[_chi_squared_divergence_options]) -> Self: ...
chi_squared_divergence: _chi_squared_divergence

class _circle_options(TypedDict, total=False): margin: Number; gamma: Number; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _circle(Typed):
    """Circle loss: a smooth margin between groups whose weights grow with the distance of a cosine from its optimum."""
    def __call__(self, embeddings: Array, labels: Array, *, margin: Number = 0.4, gamma: Number = 80.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Circle loss: a smooth margin between groups whose weights grow with the distance of a cosine from its optimum."""
    def grad(self, embeddings: Array, labels: Array, *, wrt: Wrt[Literal['embeddings', 'margin', 'gamma', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_circle_options]) -> Any: ...
    def configured(self, **options: Unpack[_circle_options]) -> Self: ...
circle: _circle

class _cispo_options(TypedDict, total=False): clip_low: Varying; clip_high: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _cispo(Typed):
    """CISPO (clipped importance sampling policy optimization): the policy gradient under clipped, constant weights."""
    def __call__(self, log_probabilities: Array, old_log_probabilities: Array, advantages: Array, *, clip_low: Varying = 1.0, clip_high: Varying = 4.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """CISPO (clipped importance sampling policy optimization): the policy gradient under clipped, constant weights."""
    def grad(self, log_probabilities: Array, old_log_probabilities: Array, advantages: Array, *, wrt: Wrt[Literal['log_probabilities', 'old_log_probabilities', 'advantages', 'clip_low', 'clip_high', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_cispo_options]) -> Any: ...
    def configured(self, **options: Unpack[_cispo_options]) -> Self: ...
cispo: _cispo

class _clip_options(TypedDict, total=False): temperature: Number; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _clip(Typed):
    """CLIP loss: cross entropy of each image's text among those of the batch, and of each text's image."""
    def __call__(self, first: Array, second: Array, *, temperature: Number = 0.07, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """CLIP loss: cross entropy of each image's text among those of the batch, and of each text's image."""
    def grad(self, first: Array, second: Array, *, wrt: Wrt[Literal['first', 'second', 'temperature', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_clip_options]) -> Any: ...
    def configured(self, **options: Unpack[_clip_options]) -> Self: ...
clip: _clip

class _combo_options(TypedDict, total=False): smooth: Varying; dice_factor: Varying; cross_entropy_factor: Varying; channel_weight: Numbers | None; include_background: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; ignore_index: int | None
class _combo(Typed):
    """Dice plus cross entropy of an image, with the same weights of classes in both."""
    def __call__(self, logits: Array, labels: Array, *, smooth: Varying = 0.0, dice_factor: Varying = 1.0, cross_entropy_factor: Varying = 1.0, channel_weight: Numbers | None = None, include_background: bool = True, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, ignore_index: int | None = None) -> Result: """Dice plus cross entropy of an image, with the same weights of classes in both."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'smooth', 'dice_factor', 'cross_entropy_factor', 'channel_weight', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_combo_options]) -> Any: ...
    def configured(self, **options: Unpack[_combo_options]) -> Self: ...
combo: _combo

class _complete_iou_options(TypedDict, total=False): format: Literal['xyxy', 'xywh', 'cxcywh']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _complete_iou(Typed):
    """CIoU loss: the IoU loss plus the distances of the centres and of the aspect ratios of two boxes."""
    def __call__(self, predictions: Array, targets: Array, *, format: Literal['xyxy', 'xywh', 'cxcywh'] = 'xyxy', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """CIoU loss: the IoU loss plus the distances of the centres and of the aspect ratios of two boxes."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_complete_iou_options]) -> Any: ...
    def configured(self, **options: Unpack[_complete_iou_options]) -> Self: ...
complete_iou: _complete_iou

class _contrastive_options(TypedDict, total=False): margin: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _contrastive(Typed):
    """Contrastive loss: half the squared distance of similar pairs, half a squared hinge on that of dissimilar ones."""
    def __call__(self, first: Array, second: Array, dissimilar: Array, *, margin: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Contrastive loss: half the squared distance of similar pairs, half a squared hinge on that of dissimilar ones."""
    def grad(self, first: Array, second: Array, dissimilar: Array, *, wrt: Wrt[Literal['first', 'second', 'dissimilar', 'margin', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_contrastive_options]) -> Any: ...
    def configured(self, **options: Unpack[_contrastive_options]) -> Self: ...
contrastive: _contrastive

class _coral_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _coral(Typed):
    """CORAL loss of grades: the binary cross entropies of being above each threshold, summed."""
    def __call__(self, logits: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """CORAL loss of grades: the binary cross entropies of being above each threshold, summed."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_coral_options]) -> Any: ...
    def configured(self, **options: Unpack[_coral_options]) -> Self: ...
coral: _coral

class _corn_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _corn(Typed):
    """CORN loss of grades: the binary cross entropies of passing each threshold that the grade has reached, summed."""
    def __call__(self, logits: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """CORN loss of grades: the binary cross entropies of passing each threshold that the grade has reached, summed."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_corn_options]) -> Any: ...
    def configured(self, **options: Unpack[_corn_options]) -> Self: ...
corn: _corn

class _cosent_options(TypedDict, total=False): scale: Number; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _cosent(Typed):
    """CoSENT: a smooth penalty of pairs whose cosines are in another order than their labels."""
    def __call__(self, first: Array, second: Array, labels: Array, *, scale: Number = 20.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """CoSENT: a smooth penalty of pairs whose cosines are in another order than their labels."""
    def grad(self, first: Array, second: Array, labels: Array, *, wrt: Wrt[Literal['first', 'second', 'labels', 'scale', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_cosent_options]) -> Any: ...
    def configured(self, **options: Unpack[_cosent_options]) -> Self: ...
cosent: _cosent

class _cosface_options(TypedDict, total=False): margin: Varying; scale: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None
class _cosface(Typed):
    """CosFace: cross entropy of cosines, with a margin subtracted from the cosine with the own class."""
    def __call__(self, embeddings: Array, prototypes: Array, labels: Array, *, margin: Varying = 0.35, scale: Varying = 64.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None) -> Result: """CosFace: cross entropy of cosines, with a margin subtracted from the cosine with the own class."""
    def grad(self, embeddings: Array, prototypes: Array, labels: Array, *, wrt: Wrt[Literal['embeddings', 'prototypes', 'margin', 'scale', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_cosface_options]) -> Any: ...
    def configured(self, **options: Unpack[_cosface_options]) -> Self: ...
cosface: _cosface

class _cosine_distance_options(TypedDict, total=False): form: Literal['distance', 'similarity', 'negative']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _cosine_distance(Typed):
    """Cosine distance: one minus the cosine of the angle between two vectors; or the cosine, or its negative."""
    def __call__(self, predictions: Array, targets: Array, *, form: Literal['distance', 'similarity', 'negative'] = 'distance', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Cosine distance: one minus the cosine of the angle between two vectors; or the cosine, or its negative."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_cosine_distance_options]) -> Any: ...
    def configured(self, **options: Unpack[_cosine_distance_options]) -> Self: ...
cosine_distance: _cosine_distance

class _cosine_embedding_options(TypedDict, total=False): margin: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _cosine_embedding(Typed):
    """Cosine embedding loss: the cosine distance for label 1, a hinge on the cosine for label -1."""
    def __call__(self, first: Array, second: Array, labels: Array, *, margin: Varying = 0.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Cosine embedding loss: the cosine distance for label 1, a hinge on the cosine for label -1."""
    def grad(self, first: Array, second: Array, labels: Array, *, wrt: Wrt[Literal['first', 'second', 'labels', 'margin', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_cosine_embedding_options]) -> Any: ...
    def configured(self, **options: Unpack[_cosine_embedding_options]) -> Self: ...
cosine_embedding: _cosine_embedding

class _cox_options(TypedDict, total=False): ties: Literal['efron', 'breslow']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _cox(Typed):
    """Negative Cox partial log-likelihood of which unit has its event next, among those still at risk."""
    def __call__(self, log_hazards: Array, times: Array, events: Array, *, ties: Literal['efron', 'breslow'] = 'efron', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Negative Cox partial log-likelihood of which unit has its event next, among those still at risk."""
    def grad(self, log_hazards: Array, times: Array, events: Array, *, wrt: Wrt[Literal['log_hazards', 'times', 'events', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_cox_options]) -> Any: ...
    def configured(self, **options: Unpack[_cox_options]) -> Self: ...
cox: _cox

class _cpo_options(TypedDict, total=False): beta: Varying; alpha: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _cpo(Typed):
    """CPO (contrastive preference optimization): a logistic loss without reference, plus the likelihood."""
    def __call__(self, chosen: Array, rejected: Array, *, beta: Varying = 0.1, alpha: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """CPO (contrastive preference optimization): a logistic loss without reference, plus the likelihood."""
    def grad(self, chosen: Array, rejected: Array, *, wrt: Wrt[Literal['chosen', 'rejected', 'beta', 'alpha', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_cpo_options]) -> Any: ...
    def configured(self, **options: Unpack[_cpo_options]) -> Self: ...
cpo: _cpo

class _crf_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o_lm_tm; empty: Empty; axis: int
class _crf(Typed):
    """CRF loss: the negative log-likelihood of a label sequence under a linear-chain conditional random field."""
    def __call__(self, emissions: Array, labels: Array, lengths: Array, transitions: Array, start: Array, end: Array, *, reduction: _Reduction_n_s_m_cm_bm_o_lm_tm = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """CRF loss: the negative log-likelihood of a label sequence under a linear-chain conditional random field."""
    def grad(self, emissions: Array, labels: Array, lengths: Array, transitions: Array, start: Array, end: Array, *, wrt: Wrt[Literal['emissions', 'transitions', 'start', 'end', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_crf_options]) -> Any: ...
    def configured(self, **options: Unpack[_crf_options]) -> Self: ...
crf: _crf

class _crf_log_partition_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o_lm_tm; empty: Empty; axis: int
class _crf_log_partition(Typed):
    """The log-partition function of a linear-chain conditional random field, whose gradient is its posterior marginals."""
    def __call__(self, emissions: Array, lengths: Array, transitions: Array, start: Array, end: Array, *, reduction: _Reduction_n_s_m_cm_bm_o_lm_tm = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """The log-partition function of a linear-chain conditional random field, whose gradient is its posterior marginals."""
    def grad(self, emissions: Array, lengths: Array, transitions: Array, start: Array, end: Array, *, wrt: Wrt[Literal['emissions', 'transitions', 'start', 'end', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_crf_log_partition_options]) -> Any: ...
    def configured(self, **options: Unpack[_crf_log_partition_options]) -> Self: ...
crf_log_partition: _crf_log_partition

class _cross_entropy_options(TypedDict, total=False): label_smoothing: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _cross_entropy(Typed):
    """Cross entropy: the negative log-likelihood of the labels under softmax(logits)."""
    def __call__(self, logits: Array, labels: Array, *, label_smoothing: Varying = 0.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Cross entropy: the negative log-likelihood of the labels under softmax(logits)."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'labels', 'label_smoothing', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_cross_entropy_options]) -> Any: ...
    def configured(self, **options: Unpack[_cross_entropy_options]) -> Self: ...
cross_entropy: _cross_entropy

class _ctc_options(TypedDict, total=False): blank: int; zero_infinity: bool; reduction: _Reduction_n_s_m_cm_bm_o_lm_tm; empty: Empty; axis: int
class _ctc(Typed):
    """CTC (connectionist temporal classification), from log-probabilities: -log of the sum over all alignments."""
    def __call__(self, log_probabilities: Array, labels: Array, input_lengths: Array, label_lengths: Array, *, blank: int = 0, zero_infinity: bool = False, reduction: _Reduction_n_s_m_cm_bm_o_lm_tm = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """CTC (connectionist temporal classification), from log-probabilities: -log of the sum over all alignments."""
    def grad(self, log_probabilities: Array, labels: Array, input_lengths: Array, label_lengths: Array, *, wrt: Wrt[Literal['log_probabilities', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_ctc_options]) -> Any: ...
    def configured(self, **options: Unpack[_ctc_options]) -> Self: ...
ctc: _ctc

class _ctc_with_logits_options(TypedDict, total=False): blank: int; zero_infinity: bool; reduction: _Reduction_n_s_m_cm_bm_o_lm_tm; empty: Empty; axis: int
class _ctc_with_logits(Typed):
    """CTC (connectionist temporal classification), from logits."""
    def __call__(self, logits: Array, labels: Array, input_lengths: Array, label_lengths: Array, *, blank: int = 0, zero_infinity: bool = False, reduction: _Reduction_n_s_m_cm_bm_o_lm_tm = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """CTC (connectionist temporal classification), from logits."""
    def grad(self, logits: Array, labels: Array, input_lengths: Array, label_lengths: Array, *, wrt: Wrt[Literal['logits', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_ctc_with_logits_options]) -> Any: ...
    def configured(self, **options: Unpack[_ctc_with_logits_options]) -> Self: ...
ctc_with_logits: _ctc_with_logits

class _decoupled_contrastive_options(TypedDict, total=False): temperature: Number; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _decoupled_contrastive(Typed):
    """Decoupled contrastive loss (DCL): NT-Xent whose denominator has the negatives alone."""
    def __call__(self, embeddings: Array, labels: Array, *, temperature: Number = 0.1, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Decoupled contrastive loss (DCL): NT-Xent whose denominator has the negatives alone."""
    def grad(self, embeddings: Array, labels: Array, *, wrt: Wrt[Literal['embeddings', 'temperature', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_decoupled_contrastive_options]) -> Any: ...
    def configured(self, **options: Unpack[_decoupled_contrastive_options]) -> Self: ...
decoupled_contrastive: _decoupled_contrastive

class _decoupled_distillation_options(TypedDict, total=False): alpha: Varying; beta: Varying; temperature: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _decoupled_distillation(Typed):
    """Decoupled knowledge distillation (DKD): the divergence of the label from the rest, and that among the rest."""
    def __call__(self, student_logits: Array, teacher_logits: Array, labels: Array, *, alpha: Varying = 1.0, beta: Varying = 8.0, temperature: Varying = 4.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Decoupled knowledge distillation (DKD): the divergence of the label from the rest, and that among the rest."""
    def grad(self, student_logits: Array, teacher_logits: Array, labels: Array, *, wrt: Wrt[Literal['student_logits', 'teacher_logits', 'alpha', 'beta', 'temperature', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_decoupled_distillation_options]) -> Any: ...
    def configured(self, **options: Unpack[_decoupled_distillation_options]) -> Self: ...
decoupled_distillation: _decoupled_distillation

class _deep_coral_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _deep_coral(Typed):
    """Deep CORAL: the squared distance of the covariances of two samples of features, of two domains."""
    def __call__(self, first: Array, second: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Deep CORAL: the squared distance of the covariances of two samples of features, of two domains."""
    def grad(self, first: Array, second: Array, *, wrt: Wrt[Literal['first', 'second', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_deep_coral_options]) -> Any: ...
    def configured(self, **options: Unpack[_deep_coral_options]) -> Self: ...
deep_coral: _deep_coral

class _dice_options(TypedDict, total=False): smooth: Varying; smooth_denominator: Varying | None; squared: bool; overlap: Literal['product', 'minimum']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _dice(Typed):
    """Dice loss: one minus the Dice overlap of every region, one channel of one example."""
    def __call__(self, probabilities: Array, targets: Array, *, smooth: Varying = 0.0, smooth_denominator: Varying | None = None, squared: bool = False, overlap: Literal['product', 'minimum'] = 'product', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Dice loss: one minus the Dice overlap of every region, one channel of one example."""
    def grad(self, probabilities: Array, targets: Array, *, wrt: Wrt[Literal['probabilities', 'targets', 'smooth', 'smooth_denominator', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_dice_options]) -> Any: ...
    def configured(self, **options: Unpack[_dice_options]) -> Self: ...
dice: _dice

class _dice_focal_options(TypedDict, total=False): smooth: Varying; gamma: Varying; dice_factor: Varying; focal_factor: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _dice_focal(Typed):
    """Dice plus focal loss of every region, both of sigmoid(logits)."""
    def __call__(self, logits: Array, targets: Array, *, smooth: Varying = 0.0, gamma: Varying = 2.0, dice_factor: Varying = 1.0, focal_factor: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Dice plus focal loss of every region, both of sigmoid(logits)."""
    def grad(self, logits: Array, targets: Array, *, wrt: Wrt[Literal['logits', 'targets', 'smooth', 'gamma', 'dice_factor', 'focal_factor', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_dice_focal_options]) -> Any: ...
    def configured(self, **options: Unpack[_dice_focal_options]) -> Self: ...
dice_focal: _dice_focal

class _dino_options(TypedDict, total=False): center: Numbers | None; student_temperature: Varying; teacher_temperature: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _dino(Typed):
    """DINO: cross entropy of the student's view under the centred and sharpened probabilities of the teacher's."""
    def __call__(self, student_logits: Array, teacher_logits: Array, *, center: Numbers | None = None, student_temperature: Varying = 0.1, teacher_temperature: Varying = 0.04, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """DINO: cross entropy of the student's view under the centred and sharpened probabilities of the teacher's."""
    def grad(self, student_logits: Array, teacher_logits: Array, *, wrt: Wrt[Literal['student_logits', 'teacher_logits', 'center', 'student_temperature', 'teacher_temperature', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_dino_options]) -> Any: ...
    def configured(self, **options: Unpack[_dino_options]) -> Self: ...
dino: _dino

class _discopop_options(TypedDict, total=False): beta: Varying; temperature: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _discopop(Typed):
    """DiscoPOP (log-ratio modulated loss): the logistic loss of a wrong preference, the exponential one of a right one."""
    def __call__(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, beta: Varying = 0.1, temperature: Varying = 0.05, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """DiscoPOP (log-ratio modulated loss): the logistic loss of a wrong preference, the exponential one of a right one."""
    def grad(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, wrt: Wrt[Literal['policy_chosen', 'policy_rejected', 'reference_chosen', 'reference_rejected', 'beta', 'temperature', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_discopop_options]) -> Any: ...
    def configured(self, **options: Unpack[_discopop_options]) -> Self: ...
discopop: _discopop

class _discrete_survival_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _discrete_survival(Typed):
    """Negative log-likelihood of the interval of an event, or of a later one where censored (DeepHit's likelihood)."""
    def __call__(self, logits: Array, labels: Array, events: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Negative log-likelihood of the interval of an event, or of a later one where censored (DeepHit's likelihood)."""
    def grad(self, logits: Array, labels: Array, events: Array, *, wrt: Wrt[Literal['logits', 'events', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_discrete_survival_options]) -> Any: ...
    def configured(self, **options: Unpack[_discrete_survival_options]) -> Self: ...
discrete_survival: _discrete_survival

class _distance_iou_options(TypedDict, total=False): format: Literal['xyxy', 'xywh', 'cxcywh']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _distance_iou(Typed):
    """DIoU loss: the IoU loss plus the distance of the centres of two boxes."""
    def __call__(self, predictions: Array, targets: Array, *, format: Literal['xyxy', 'xywh', 'cxcywh'] = 'xyxy', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """DIoU loss: the IoU loss plus the distance of the centres of two boxes."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_distance_iou_options]) -> Any: ...
    def configured(self, **options: Unpack[_distance_iou_options]) -> Self: ...
distance_iou: _distance_iou

class _distillation_options(TypedDict, total=False): temperature: Varying; squared_temperature: bool; direction: Literal['forward', 'reverse']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _distillation(Typed):
    """Knowledge distillation: the divergence of the student's softened probabilities from the teacher's."""
    def __call__(self, student_logits: Array, teacher_logits: Array, *, temperature: Varying = 1.0, squared_temperature: bool = True, direction: Literal['forward', 'reverse'] = 'forward', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Knowledge distillation: the divergence of the student's softened probabilities from the teacher's."""
    def grad(self, student_logits: Array, teacher_logits: Array, *, wrt: Wrt[Literal['student_logits', 'teacher_logits', 'temperature', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_distillation_options]) -> Any: ...
    def configured(self, **options: Unpack[_distillation_options]) -> Self: ...
distillation: _distillation

class _distortion_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _distortion(Typed):
    """Distortion of a ray (mip-NeRF 360): the mean distance of two places on it, which draws its weight together."""
    def __call__(self, weights: Array, places: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Distortion of a ray (mip-NeRF 360): the mean distance of two places on it, which draws its weight together."""
    def grad(self, weights: Array, places: Array, *, wrt: Wrt[Literal['weights', 'places', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_distortion_options]) -> Any: ...
    def configured(self, **options: Unpack[_distortion_options]) -> Self: ...
distortion: _distortion

class _distribution_focal_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _distribution_focal(Typed):
    """Distribution focal loss: cross entropy of the two bins around the distance of an edge."""
    def __call__(self, logits: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Distribution focal loss: cross entropy of the two bins around the distance of an edge."""
    def grad(self, logits: Array, targets: Array, *, wrt: Wrt[Literal['logits', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_distribution_focal_options]) -> Any: ...
    def configured(self, **options: Unpack[_distribution_focal_options]) -> Self: ...
distribution_focal: _distribution_focal

class _dpo_options(TypedDict, total=False): beta: Varying; label_smoothing: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _dpo(Typed):
    """DPO (direct preference optimization): the logistic loss of the difference of two log-ratios to a reference."""
    def __call__(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, beta: Varying = 0.1, label_smoothing: Varying = 0.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """DPO (direct preference optimization): the logistic loss of the difference of two log-ratios to a reference."""
    def grad(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, wrt: Wrt[Literal['policy_chosen', 'policy_rejected', 'reference_chosen', 'reference_rejected', 'beta', 'label_smoothing', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_dpo_options]) -> Any: ...
    def configured(self, **options: Unpack[_dpo_options]) -> Self: ...
dpo: _dpo

class _ebgan_discriminator_options(TypedDict, total=False): margin: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _ebgan_discriminator(Typed):
    """Discriminator loss of the energy-based GAN: low energies for real examples, above a margin for fake ones."""
    def __call__(self, real_energies: Array, fake_energies: Array, *, margin: Varying = 10.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Discriminator loss of the energy-based GAN: low energies for real examples, above a margin for fake ones."""
    def grad(self, real_energies: Array, fake_energies: Array, *, wrt: Wrt[Literal['real_energies', 'fake_energies', 'margin', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_ebgan_discriminator_options]) -> Any: ...
    def configured(self, **options: Unpack[_ebgan_discriminator_options]) -> Self: ...
ebgan_discriminator: _ebgan_discriminator

class _edge_aware_smoothness_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _edge_aware_smoothness(Typed):
    """Edge-aware smoothness of a disparity map: its steps, which count less where the image has steps too."""
    def __call__(self, disparities: Array, images: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Edge-aware smoothness of a disparity map: its steps, which count less where the image has steps too."""
    def grad(self, disparities: Array, images: Array, *, wrt: Wrt[Literal['disparities', 'images', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_edge_aware_smoothness_options]) -> Any: ...
    def configured(self, **options: Unpack[_edge_aware_smoothness_options]) -> Self: ...
edge_aware_smoothness: _edge_aware_smoothness

class _efficient_iou_options(TypedDict, total=False): format: Literal['xyxy', 'xywh', 'cxcywh']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _efficient_iou(Typed):
    """EIoU loss: the IoU loss plus the distances of the centres, widths and heights of two boxes."""
    def __call__(self, predictions: Array, targets: Array, *, format: Literal['xyxy', 'xywh', 'cxcywh'] = 'xyxy', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """EIoU loss: the IoU loss plus the distances of the centres, widths and heights of two boxes."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_efficient_iou_options]) -> Any: ...
    def configured(self, **options: Unpack[_efficient_iou_options]) -> Self: ...
efficient_iou: _efficient_iou

class _elastic_net_options(TypedDict, total=False): l1: Varying; l2: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _elastic_net(Typed):
    """Elastic net: a weighted sum of the absolute values and the squares of the parameters."""
    def __call__(self, parameters: Shards, *, l1: Varying = 1.0, l2: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'sum', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Elastic net: a weighted sum of the absolute values and the squares of the parameters."""
    def grad(self, parameters: Shards, *, wrt: Wrt[Literal['parameters', 'l1', 'l2', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_elastic_net_options]) -> Any: ...
    def configured(self, **options: Unpack[_elastic_net_options]) -> Self: ...
elastic_net: _elastic_net

class _energy_score_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _energy_score(Typed):
    """Energy score of an ensemble of vectors: the continuous ranked probability score beyond one dimension."""
    def __call__(self, predictions: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Energy score of an ensemble of vectors: the continuous ranked probability score beyond one dimension."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_energy_score_options]) -> Any: ...
    def configured(self, **options: Unpack[_energy_score_options]) -> Self: ...
energy_score: _energy_score

class _ensemble_crps_options(TypedDict, total=False): fair: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _ensemble_crps(Typed):
    """Continuous ranked probability score of an ensemble, from its members."""
    def __call__(self, predictions: Array, targets: Array, *, fair: bool = False, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Continuous ranked probability score of an ensemble, from its members."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_ensemble_crps_options]) -> Any: ...
    def configured(self, **options: Unpack[_ensemble_crps_options]) -> Self: ...
ensemble_crps: _ensemble_crps

class _entmax15_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _entmax15(Typed):
    """1.5-entmax loss: between cross entropy and sparsemax, 0 as soon as the label leads by 2."""
    def __call__(self, logits: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """1.5-entmax loss: between cross entropy and sparsemax, 0 as soon as the label leads by 2."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_entmax15_options]) -> Any: ...
    def configured(self, **options: Unpack[_entmax15_options]) -> Self: ...
entmax15: _entmax15

class _entropy_bonus_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _entropy_bonus(Typed):
    """Negative entropy of a policy over its actions, which keeps it uncertain when added to a loss."""
    def __call__(self, logits: Shards, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Negative entropy of a policy over its actions, which keeps it uncertain when added to a loss."""
    def grad(self, logits: Shards, *, wrt: Wrt[Literal['logits', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_entropy_bonus_options]) -> Any: ...
    def configured(self, **options: Unpack[_entropy_bonus_options]) -> Self: ...
entropy_bonus: _entropy_bonus

class _epsilon_insensitive_options(TypedDict, total=False): epsilon: Varying; squared: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _epsilon_insensitive(Typed):
    """Epsilon-insensitive loss of support vector regression: the absolute error beyond a free tube."""
    def __call__(self, predictions: Array, targets: Array, *, epsilon: Varying = 0.1, squared: bool = False, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Epsilon-insensitive loss of support vector regression: the absolute error beyond a free tube."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'epsilon', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_epsilon_insensitive_options]) -> Any: ...
    def configured(self, **options: Unpack[_epsilon_insensitive_options]) -> Self: ...
epsilon_insensitive: _epsilon_insensitive

class _evidential_regression_options(TypedDict, total=False): coefficient: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _evidential_regression(Typed):
    """Deep evidential regression: the likelihood of a target under a learned prior, plus a cost of evidence."""
    def __call__(self, predictions: Array, targets: Array, evidence: Array, shapes: Array, scales: Array, *, coefficient: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Deep evidential regression: the likelihood of a target under a learned prior, plus a cost of evidence."""
    def grad(self, predictions: Array, targets: Array, evidence: Array, shapes: Array, scales: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'evidence', 'shapes', 'scales', 'coefficient', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_evidential_regression_options]) -> Any: ...
    def configured(self, **options: Unpack[_evidential_regression_options]) -> Self: ...
evidential_regression: _evidential_regression

class _exo_pair_options(TypedDict, total=False): beta: Varying; label_smoothing: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _exo_pair(Typed):
    """EXO of pairs (efficient exact optimization): the divergence of the policy's preference from a smoothed label."""
    def __call__(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, beta: Varying = 0.1, label_smoothing: Varying = 0.001, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """EXO of pairs (efficient exact optimization): the divergence of the policy's preference from a smoothed label."""
    def grad(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, wrt: Wrt[Literal['policy_chosen', 'policy_rejected', 'reference_chosen', 'reference_rejected', 'beta', 'label_smoothing', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_exo_pair_options]) -> Any: ...
    def configured(self, **options: Unpack[_exo_pair_options]) -> Self: ...
exo_pair: _exo_pair

class _expectile_options(TypedDict, total=False): level: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _expectile(Typed):
    """Expectile loss: the squared error with one weight below the target and another above."""
    def __call__(self, predictions: Array, targets: Array, *, level: Varying = 0.5, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Expectile loss: the squared error with one weight below the target and another above."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'level', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_expectile_options]) -> Any: ...
    def configured(self, **options: Unpack[_expectile_options]) -> Self: ...
expectile: _expectile

class _exponential_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _exponential(Typed):
    """Exponential loss of yes/no targets, which AdaBoost minimises."""
    def __call__(self, logits: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Exponential loss of yes/no targets, which AdaBoost minimises."""
    def grad(self, logits: Array, targets: Array, *, wrt: Wrt[Literal['logits', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_exponential_options]) -> Any: ...
    def configured(self, **options: Unpack[_exponential_options]) -> Self: ...
exponential: _exponential

class _fair_options(TypedDict, total=False): scale: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _fair(Typed):
    """Fair's loss: quadratic near zero, and less steep than the absolute error everywhere."""
    def __call__(self, predictions: Array, targets: Array, *, scale: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Fair's loss: quadratic near zero, and less steep than the absolute error everywhere."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'scale', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_fair_options]) -> Any: ...
    def configured(self, **options: Unpack[_fair_options]) -> Self: ...
fair: _fair

class _focal_options(TypedDict, total=False): gamma: Varying; alpha: Varying | None; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _focal(Typed):
    """Focal loss: cross entropy times (1 - p)^gamma, so that examples which are right already count little."""
    def __call__(self, logits: Array, labels: Array, *, gamma: Varying = 2.0, alpha: Varying | None = None, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Focal loss: cross entropy times (1 - p)^gamma, so that examples which are right already count little."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'labels', 'gamma', 'alpha', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_focal_options]) -> Any: ...
    def configured(self, **options: Unpack[_focal_options]) -> Self: ...
focal: _focal

class _focal_ctc_options(TypedDict, total=False): blank: int; alpha: Varying; gamma: Varying; zero_infinity: bool; reduction: _Reduction_n_s_m_cm_bm_o_lm_tm; empty: Empty; axis: int
class _focal_ctc(Typed):
    """Focal CTC: the loss `ctc` times a power of the probability of other labels, so that easy sequences count little."""
    def __call__(self, log_probabilities: Array, labels: Array, input_lengths: Array, label_lengths: Array, *, blank: int = 0, alpha: Varying = 0.25, gamma: Varying = 2.0, zero_infinity: bool = False, reduction: _Reduction_n_s_m_cm_bm_o_lm_tm = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Focal CTC: the loss `ctc` times a power of the probability of other labels, so that easy sequences count little."""
    def grad(self, log_probabilities: Array, labels: Array, input_lengths: Array, label_lengths: Array, *, wrt: Wrt[Literal['log_probabilities', 'alpha', 'gamma', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_focal_ctc_options]) -> Any: ...
    def configured(self, **options: Unpack[_focal_ctc_options]) -> Self: ...
focal_ctc: _focal_ctc

class _focal_tversky_options(TypedDict, total=False): alpha: Varying; beta: Varying; gamma: Varying; smooth: Varying; overlap: Literal['product', 'minimum']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _focal_tversky(Typed):
    """Focal Tversky loss: a power of the Tversky loss of every region."""
    def __call__(self, probabilities: Array, targets: Array, *, alpha: Varying = 0.3, beta: Varying = 0.7, gamma: Varying = 0.75, smooth: Varying = 0.0, overlap: Literal['product', 'minimum'] = 'product', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Focal Tversky loss: a power of the Tversky loss of every region."""
    def grad(self, probabilities: Array, targets: Array, *, wrt: Wrt[Literal['probabilities', 'targets', 'alpha', 'beta', 'gamma', 'smooth', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_focal_tversky_options]) -> Any: ...
    def configured(self, **options: Unpack[_focal_tversky_options]) -> Self: ...
focal_tversky: _focal_tversky

class _gan_discriminator_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _gan_discriminator(Typed):
    """Discriminator loss of the original GAN: the binary cross entropy of real as 1 and fake as 0, added."""
    def __call__(self, real_logits: Array, fake_logits: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Discriminator loss of the original GAN: the binary cross entropy of real as 1 and fake as 0, added."""
    def grad(self, real_logits: Array, fake_logits: Array, *, wrt: Wrt[Literal['real_logits', 'fake_logits', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_gan_discriminator_options]) -> Any: ...
    def configured(self, **options: Unpack[_gan_discriminator_options]) -> Self: ...
gan_discriminator: _gan_discriminator

class _gan_generator_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _gan_generator(Typed):
    """Non-saturating generator loss of the original GAN: the cross entropy of fakes as real."""
    def __call__(self, fake_logits: Shards, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Non-saturating generator loss of the original GAN: the cross entropy of fakes as real."""
    def grad(self, fake_logits: Shards, *, wrt: Wrt[Literal['fake_logits', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_gan_generator_options]) -> Any: ...
    def configured(self, **options: Unpack[_gan_generator_options]) -> Self: ...
gan_generator: _gan_generator

class _gan_generator_minimax_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _gan_generator_minimax(Typed):
    """Minimax generator loss of the original GAN: the log-probability with which fakes are recognized."""
    def __call__(self, fake_logits: Shards, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Minimax generator loss of the original GAN: the log-probability with which fakes are recognized."""
    def grad(self, fake_logits: Shards, *, wrt: Wrt[Literal['fake_logits', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_gan_generator_minimax_options]) -> Any: ...
    def configured(self, **options: Unpack[_gan_generator_minimax_options]) -> Self: ...
gan_generator_minimax: _gan_generator_minimax

class _gan_hinge_discriminator_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _gan_hinge_discriminator(Typed):
    """Discriminator loss of the hinge GAN: a margin of 1 for real scores and of -1 for fake ones."""
    def __call__(self, real_scores: Array, fake_scores: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Discriminator loss of the hinge GAN: a margin of 1 for real scores and of -1 for fake ones."""
    def grad(self, real_scores: Array, fake_scores: Array, *, wrt: Wrt[Literal['real_scores', 'fake_scores', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_gan_hinge_discriminator_options]) -> Any: ...
    def configured(self, **options: Unpack[_gan_hinge_discriminator_options]) -> Self: ...
gan_hinge_discriminator: _gan_hinge_discriminator

class _gaussian_crps_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _gaussian_crps(Typed):
    """Continuous ranked probability score of a Gaussian: the squared distance of its distribution from the outcome's."""
    def __call__(self, predictions: Array, targets: Array, scales: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Continuous ranked probability score of a Gaussian: the squared distance of its distribution from the outcome's."""
    def grad(self, predictions: Array, targets: Array, scales: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'scales', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_gaussian_crps_options]) -> Any: ...
    def configured(self, **options: Unpack[_gaussian_crps_options]) -> Self: ...
gaussian_crps: _gaussian_crps

class _gaussian_kl_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _gaussian_kl(Typed):
    """KL divergence of a predicted diagonal Gaussian from a target one, KL(prediction || target)."""
    def __call__(self, means: Array, log_variances: Array, target_means: Array, target_log_variances: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """KL divergence of a predicted diagonal Gaussian from a target one, KL(prediction || target)."""
    def grad(self, means: Array, log_variances: Array, target_means: Array, target_log_variances: Array, *, wrt: Wrt[Literal['means', 'log_variances', 'target_means', 'target_log_variances', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_gaussian_kl_options]) -> Any: ...
    def configured(self, **options: Unpack[_gaussian_kl_options]) -> Self: ...
gaussian_kl: _gaussian_kl

class _gaussian_kl_standard_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _gaussian_kl_standard(Typed):
    """KL divergence of a diagonal Gaussian from the standard normal: the regularizer of a VAE."""
    def __call__(self, means: Array, log_variances: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """KL divergence of a diagonal Gaussian from the standard normal: the regularizer of a VAE."""
    def grad(self, means: Array, log_variances: Array, *, wrt: Wrt[Literal['means', 'log_variances', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_gaussian_kl_standard_options]) -> Any: ...
    def configured(self, **options: Unpack[_gaussian_kl_standard_options]) -> Self: ...
gaussian_kl_standard: _gaussian_kl_standard

class _gaussian_mixture_nll_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _gaussian_mixture_nll(Typed):
    """Mixture density: the negative log-likelihood of a target under a mixture of Gaussians."""
    def __call__(self, logits: Array, means: Array, scales: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Mixture density: the negative log-likelihood of a target under a mixture of Gaussians."""
    def grad(self, logits: Array, means: Array, scales: Array, targets: Array, *, wrt: Wrt[Literal['logits', 'means', 'scales', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_gaussian_mixture_nll_options]) -> Any: ...
    def configured(self, **options: Unpack[_gaussian_mixture_nll_options]) -> Self: ...
gaussian_mixture_nll: _gaussian_mixture_nll

class _gaussian_nll_options(TypedDict, total=False): full: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _gaussian_nll(Typed):
    """Gaussian negative log-likelihood of a target, from a predicted mean and variance."""
    def __call__(self, predictions: Array, targets: Array, variances: Array, *, full: bool = False, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Gaussian negative log-likelihood of a target, from a predicted mean and variance."""
    def grad(self, predictions: Array, targets: Array, variances: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'variances', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_gaussian_nll_options]) -> Any: ...
    def configured(self, **options: Unpack[_gaussian_nll_options]) -> Self: ...
gaussian_nll: _gaussian_nll

class _gaussian_nll_with_log_variances_options(TypedDict, total=False): full: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _gaussian_nll_with_log_variances(Typed):
    """Gaussian negative log-likelihood of a target, from a predicted mean and the logarithm of a variance."""
    def __call__(self, predictions: Array, targets: Array, log_variances: Array, *, full: bool = False, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Gaussian negative log-likelihood of a target, from a predicted mean and the logarithm of a variance."""
    def grad(self, predictions: Array, targets: Array, log_variances: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'log_variances', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_gaussian_nll_with_log_variances_options]) -> Any: ...
    def configured(self, **options: Unpack[_gaussian_nll_with_log_variances_options]) -> Self: ...
gaussian_nll_with_log_variances: _gaussian_nll_with_log_variances

class _gaussian_wasserstein_distance_options(TypedDict, total=False): tau: Varying; transform: Literal['log1p', 'sqrt']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _gaussian_wasserstein_distance(Typed):
    """GWD loss of rotated boxes: the Wasserstein distance of two Gaussians, bounded."""
    def __call__(self, predictions: Array, targets: Array, *, tau: Varying = 1.0, transform: Literal['log1p', 'sqrt'] = 'log1p', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """GWD loss of rotated boxes: the Wasserstein distance of two Gaussians, bounded."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'tau', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_gaussian_wasserstein_distance_options]) -> Any: ...
    def configured(self, **options: Unpack[_gaussian_wasserstein_distance_options]) -> Self: ...
gaussian_wasserstein_distance: _gaussian_wasserstein_distance

class _general_robust_options(TypedDict, total=False): alpha: Varying; scale: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _general_robust(Typed):
    """General robust loss of Barron, from the squared error to one that ignores outliers."""
    def __call__(self, predictions: Array, targets: Array, *, alpha: Varying = 1.0, scale: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """General robust loss of Barron, from the squared error to one that ignores outliers."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'alpha', 'scale', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_general_robust_options]) -> Any: ...
    def configured(self, **options: Unpack[_general_robust_options]) -> Self: ...
general_robust: _general_robust

class _generalized_cross_entropy_options(TypedDict, total=False): q: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _generalized_cross_entropy(Typed):
    """Generalized cross entropy, from probabilities: between cross entropy (q -> 0) and absolute error (q = 1)."""
    def __call__(self, probabilities: Array, labels: Array, *, q: Varying = 0.7, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Generalized cross entropy, from probabilities: between cross entropy (q -> 0) and absolute error (q = 1)."""
    def grad(self, probabilities: Array, labels: Array, *, wrt: Wrt[Literal['probabilities', 'labels', 'q', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_generalized_cross_entropy_options]) -> Any: ...
    def configured(self, **options: Unpack[_generalized_cross_entropy_options]) -> Self: ...
generalized_cross_entropy: _generalized_cross_entropy

class _generalized_cross_entropy_with_logits_options(TypedDict, total=False): q: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _generalized_cross_entropy_with_logits(Typed):
    """Generalized cross entropy for noisy labels: between cross entropy (q -> 0) and absolute error (q = 1)."""
    def __call__(self, logits: Array, labels: Array, *, q: Varying = 0.7, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Generalized cross entropy for noisy labels: between cross entropy (q -> 0) and absolute error (q = 1)."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'labels', 'q', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_generalized_cross_entropy_with_logits_options]) -> Any: ...
    def configured(self, **options: Unpack[_generalized_cross_entropy_with_logits_options]) -> Self: ...
generalized_cross_entropy_with_logits: _generalized_cross_entropy_with_logits

class _generalized_dice_options(TypedDict, total=False): smooth: Varying; smooth_denominator: Varying | None; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _generalized_dice(Typed):
    """Generalized Dice loss of all classes of an image, each weighed by the inverse square of its size."""
    def __call__(self, probabilities: Array, targets: Array, *, smooth: Varying = 0.0, smooth_denominator: Varying | None = None, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Generalized Dice loss of all classes of an image, each weighed by the inverse square of its size."""
    def grad(self, probabilities: Array, targets: Array, *, wrt: Wrt[Literal['probabilities', 'targets', 'smooth', 'smooth_denominator', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_generalized_dice_options]) -> Any: ...
    def configured(self, **options: Unpack[_generalized_dice_options]) -> Self: ...
generalized_dice: _generalized_dice

class _generalized_iou_options(TypedDict, total=False): format: Literal['xyxy', 'xywh', 'cxcywh']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _generalized_iou(Typed):
    """GIoU loss: one minus the generalized intersection over union of two boxes."""
    def __call__(self, predictions: Array, targets: Array, *, format: Literal['xyxy', 'xywh', 'cxcywh'] = 'xyxy', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """GIoU loss: one minus the generalized intersection over union of two boxes."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_generalized_iou_options]) -> Any: ...
    def configured(self, **options: Unpack[_generalized_iou_options]) -> Self: ...
generalized_iou: _generalized_iou

class _generalized_jensen_shannon_options(TypedDict, total=False): beta: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _generalized_jensen_shannon(Typed):
    """Jensen-Shannon divergence with weight `beta` on the targets, from logarithms."""
    def __call__(self, log_predictions: Array, log_targets: Array, *, beta: Varying = 0.5, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Jensen-Shannon divergence with weight `beta` on the targets, from logarithms."""
    def grad(self, log_predictions: Array, log_targets: Array, *, wrt: Wrt[Literal['log_predictions', 'log_targets', 'beta', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_generalized_jensen_shannon_options]) -> Any: ...
    def configured(self, **options: Unpack[_generalized_jensen_shannon_options]) -> Self: ...
generalized_jensen_shannon: _generalized_jensen_shannon

class _generalized_jsd_options(TypedDict, total=False): beta: Varying; temperature: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _generalized_jsd(Typed):
    """Generalized Jensen-Shannon divergence of student and teacher, from their logits."""
    def __call__(self, student_logits: Array, teacher_logits: Array, *, beta: Varying = 0.5, temperature: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Generalized Jensen-Shannon divergence of student and teacher, from their logits."""
    def grad(self, student_logits: Array, teacher_logits: Array, *, wrt: Wrt[Literal['student_logits', 'teacher_logits', 'beta', 'temperature', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_generalized_jsd_options]) -> Any: ...
    def configured(self, **options: Unpack[_generalized_jsd_options]) -> Self: ...
generalized_jsd: _generalized_jsd

class _generalized_kl_divergence_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _generalized_kl_divergence(Typed):
    """Generalized Kullback-Leibler divergence of measures that need not sum to 1."""
    def __call__(self, log_predictions: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Generalized Kullback-Leibler divergence of measures that need not sum to 1."""
    def grad(self, log_predictions: Array, targets: Array, *, wrt: Wrt[Literal['log_predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_generalized_kl_divergence_options]) -> Any: ...
    def configured(self, **options: Unpack[_generalized_kl_divergence_options]) -> Self: ...
generalized_kl_divergence: _generalized_kl_divergence

class _gradient_difference_options(TypedDict, total=False): alpha: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _gradient_difference(Typed):
    """Gradient difference loss: differences of the steps between neighbouring pixels, for sharp edges."""
    def __call__(self, predictions: Array, targets: Array, *, alpha: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Gradient difference loss: differences of the steps between neighbouring pixels, for sharp edges."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'alpha', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_gradient_difference_options]) -> Any: ...
    def configured(self, **options: Unpack[_gradient_difference_options]) -> Self: ...
gradient_difference: _gradient_difference

class _gradient_penalty_options(TypedDict, total=False): target: Varying; one_sided: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _gradient_penalty(Typed):
    """Gradient penalty of a critic: the squared distance of the gradient's length from a target (0 for R1)."""
    def __call__(self, gradients: Shards, *, target: Varying = 1.0, one_sided: bool = False, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Gradient penalty of a critic: the squared distance of the gradient's length from a target (0 for R1)."""
    def grad(self, gradients: Shards, *, wrt: Wrt[Literal['gradients', 'target', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_gradient_penalty_options]) -> Any: ...
    def configured(self, **options: Unpack[_gradient_penalty_options]) -> Self: ...
gradient_penalty: _gradient_penalty

class _group_lasso_options(TypedDict, total=False): size_factor: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _group_lasso(Typed):
    """Group lasso: the Euclidean norm of every group of parameters, which sets whole groups to 0."""
    def __call__(self, parameters: Shards, *, size_factor: bool = True, reduction: _Reduction_n_s_m_cm_bm_o = 'sum', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Group lasso: the Euclidean norm of every group of parameters, which sets whole groups to 0."""
    def grad(self, parameters: Shards, *, wrt: Wrt[Literal['parameters', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_group_lasso_options]) -> Any: ...
    def configured(self, **options: Unpack[_group_lasso_options]) -> Self: ...
group_lasso: _group_lasso

class _grpo_options(TypedDict, total=False): beta: Varying; clip_low: Varying; clip_high: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _grpo(Typed):
    """GRPO (group relative policy optimization), token by token: clipped surrogate and estimated KL penalty."""
    def __call__(self, log_probabilities: Array, old_log_probabilities: Array, reference_log_probabilities: Array, advantages: Array, *, beta: Varying = 0.04, clip_low: Varying = 0.2, clip_high: Varying = 0.2, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """GRPO (group relative policy optimization), token by token: clipped surrogate and estimated KL penalty."""
    def grad(self, log_probabilities: Array, old_log_probabilities: Array, reference_log_probabilities: Array, advantages: Array, *, wrt: Wrt[Literal['log_probabilities', 'old_log_probabilities', 'reference_log_probabilities', 'advantages', 'beta', 'clip_low', 'clip_high', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_grpo_options]) -> Any: ...
    def configured(self, **options: Unpack[_grpo_options]) -> Self: ...
grpo: _grpo

class _gspo_options(TypedDict, total=False): clip_low: Varying; clip_high: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _gspo(Typed):
    """GSPO (group sequence policy optimization): the clipped surrogate of the ratio of whole answers."""
    def __call__(self, log_probabilities: Array, old_log_probabilities: Array, advantages: Array, lengths: Array, *, clip_low: Varying = 0.0003, clip_high: Varying = 0.0004, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """GSPO (group sequence policy optimization): the clipped surrogate of the ratio of whole answers."""
    def grad(self, log_probabilities: Array, old_log_probabilities: Array, advantages: Array, lengths: Array, *, wrt: Wrt[Literal['log_probabilities', 'old_log_probabilities', 'advantages', 'clip_low', 'clip_high', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_gspo_options]) -> Any: ...
    def configured(self, **options: Unpack[_gspo_options]) -> Self: ...
gspo: _gspo

class _half_gamma_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _half_gamma(Typed):
    """Half the gamma deviance of a positive amount, from the logarithm of its mean, without its constant."""
    def __call__(self, predictions: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Half the gamma deviance of a positive amount, from the logarithm of its mean, without its constant."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_half_gamma_options]) -> Any: ...
    def configured(self, **options: Unpack[_half_gamma_options]) -> Self: ...
half_gamma: _half_gamma

class _half_squared_error_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _half_squared_error(Typed):
    """Half the squared error, whose gradient is the difference of prediction and target."""
    def __call__(self, predictions: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Half the squared error, whose gradient is the difference of prediction and target."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_half_squared_error_options]) -> Any: ...
    def configured(self, **options: Unpack[_half_squared_error_options]) -> Self: ...
half_squared_error: _half_squared_error

class _half_tweedie_options(TypedDict, total=False): power: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _half_tweedie(Typed):
    """Half the Tweedie deviance of an amount, from the logarithm of its mean, without its constant."""
    def __call__(self, predictions: Array, targets: Array, *, power: Varying = 1.5, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Half the Tweedie deviance of an amount, from the logarithm of its mean, without its constant."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'power', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_half_tweedie_options]) -> Any: ...
    def configured(self, **options: Unpack[_half_tweedie_options]) -> Self: ...
half_tweedie: _half_tweedie

class _half_tweedie_identity_options(TypedDict, total=False): power: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _half_tweedie_identity(Typed):
    """Half the Tweedie deviance of an amount, from its mean."""
    def __call__(self, predictions: Array, targets: Array, *, power: Varying = 1.5, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Half the Tweedie deviance of an amount, from its mean."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'power', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_half_tweedie_identity_options]) -> Any: ...
    def configured(self, **options: Unpack[_half_tweedie_identity_options]) -> Self: ...
half_tweedie_identity: _half_tweedie_identity

class _hausdorff_distance_transform_options(TypedDict, total=False): alpha: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _hausdorff_distance_transform(Typed):
    """Hausdorff loss by distance transforms: squared errors, which count more far from the boundaries of both regions."""
    def __call__(self, probabilities: Array, targets: Array, predicted_distances: Array, true_distances: Array, *, alpha: Varying = 2.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Hausdorff loss by distance transforms: squared errors, which count more far from the boundaries of both regions."""
    def grad(self, probabilities: Array, targets: Array, predicted_distances: Array, true_distances: Array, *, wrt: Wrt[Literal['probabilities', 'targets', 'predicted_distances', 'true_distances', 'alpha', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_hausdorff_distance_transform_options]) -> Any: ...
    def configured(self, **options: Unpack[_hausdorff_distance_transform_options]) -> Self: ...
hausdorff_distance_transform: _hausdorff_distance_transform

class _hinge_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _hinge(Typed):
    """Hinge loss: the distance by which a score falls short of the margin 1 on its side."""
    def __call__(self, logits: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Hinge loss: the distance by which a score falls short of the margin 1 on its side."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'labels', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_hinge_options]) -> Any: ...
    def configured(self, **options: Unpack[_hinge_options]) -> Self: ...
hinge: _hinge

class _hinge_embedding_options(TypedDict, total=False): margin: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _hinge_embedding(Typed):
    """Hinge embedding loss: the distance itself for label 1, a hinge on it for label -1."""
    def __call__(self, distances: Array, labels: Array, *, margin: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Hinge embedding loss: the distance itself for label 1, a hinge on it for label -1."""
    def grad(self, distances: Array, labels: Array, *, wrt: Wrt[Literal['distances', 'labels', 'margin', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_hinge_embedding_options]) -> Any: ...
    def configured(self, **options: Unpack[_hinge_embedding_options]) -> Self: ...
hinge_embedding: _hinge_embedding

class _huber_options(TypedDict, total=False): delta: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _huber(Typed):
    """Huber loss: quadratic near zero, linear beyond `delta`."""
    def __call__(self, predictions: Array, targets: Array, *, delta: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Huber loss: quadratic near zero, linear beyond `delta`."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'delta', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_huber_options]) -> Any: ...
    def configured(self, **options: Unpack[_huber_options]) -> Self: ...
huber: _huber

class _i_divergence_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _i_divergence(Typed):
    """Generalized Kullback-Leibler divergence of two non-negative numbers: half of the Poisson deviance."""
    def __call__(self, predictions: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Generalized Kullback-Leibler divergence of two non-negative numbers: half of the Poisson deviance."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_i_divergence_options]) -> Any: ...
    def configured(self, **options: Unpack[_i_divergence_options]) -> Self: ...
i_divergence: _i_divergence

class _ibot_patch_options(TypedDict, total=False): center: Numbers | None; student_temperature: Varying; teacher_temperature: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _ibot_patch(Typed):
    """Masked patches of iBOT: cross entropy of the patches that the student does not see under the teacher's view."""
    def __call__(self, student_logits: Array, teacher_logits: Array, masked: Array, *, center: Numbers | None = None, student_temperature: Varying = 0.1, teacher_temperature: Varying = 0.07, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Masked patches of iBOT: cross entropy of the patches that the student does not see under the teacher's view."""
    def grad(self, student_logits: Array, teacher_logits: Array, masked: Array, *, wrt: Wrt[Literal['student_logits', 'teacher_logits', 'masked', 'center', 'student_temperature', 'teacher_temperature', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_ibot_patch_options]) -> Any: ...
    def configured(self, **options: Unpack[_ibot_patch_options]) -> Self: ...
ibot_patch: _ibot_patch

class _infinite_ramp_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _infinite_ramp(Typed):
    """Ramp loss without a gold label: the best-scoring of the cheapest candidates takes its place."""
    def __call__(self, scores: Array, costs: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Ramp loss without a gold label: the best-scoring of the cheapest candidates takes its place."""
    def grad(self, scores: Array, costs: Array, *, wrt: Wrt[Literal['scores', 'costs', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_infinite_ramp_options]) -> Any: ...
    def configured(self, **options: Unpack[_infinite_ramp_options]) -> Self: ...
infinite_ramp: _infinite_ramp

class _info_nce_options(TypedDict, total=False): temperature: Number; normalized: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _info_nce(Typed):
    """InfoNCE: cross entropy of each query's own key among all keys of the batch."""
    def __call__(self, queries: Array, keys: Array, *, temperature: Number = 0.1, normalized: bool = True, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """InfoNCE: cross entropy of each query's own key among all keys of the batch."""
    def grad(self, queries: Array, keys: Array, *, wrt: Wrt[Literal['queries', 'keys', 'temperature', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_info_nce_options]) -> Any: ...
    def configured(self, **options: Unpack[_info_nce_options]) -> Self: ...
info_nce: _info_nce

class _info_nce_with_negatives_options(TypedDict, total=False): temperature: Varying; normalized: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _info_nce_with_negatives(Typed):
    """InfoNCE with given negatives: cross entropy of each query's key against negatives from a queue or of its own."""
    def __call__(self, queries: Array, keys: Array, negatives: Array, *, temperature: Varying = 0.1, normalized: bool = True, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """InfoNCE with given negatives: cross entropy of each query's key against negatives from a queue or of its own."""
    def grad(self, queries: Array, keys: Array, negatives: Array, *, wrt: Wrt[Literal['queries', 'keys', 'negatives', 'temperature', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_info_nce_with_negatives_options]) -> Any: ...
    def configured(self, **options: Unpack[_info_nce_with_negatives_options]) -> Self: ...
info_nce_with_negatives: _info_nce_with_negatives

class _interval_score_options(TypedDict, total=False): alpha: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _interval_score(Typed):
    """Interval score (Winkler) of a central prediction interval: its width, and 2 / alpha times what it misses by."""
    def __call__(self, lower: Array, upper: Array, targets: Array, *, alpha: Varying = 0.1, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Interval score (Winkler) of a central prediction interval: its width, and 2 / alpha times what it misses by."""
    def grad(self, lower: Array, upper: Array, targets: Array, *, wrt: Wrt[Literal['lower', 'upper', 'targets', 'alpha', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_interval_score_options]) -> Any: ...
    def configured(self, **options: Unpack[_interval_score_options]) -> Self: ...
interval_score: _interval_score

class _iou_options(TypedDict, total=False): format: Literal['xyxy', 'xywh', 'cxcywh']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _iou(Typed):
    """IoU loss: one minus the intersection over union of two boxes."""
    def __call__(self, predictions: Array, targets: Array, *, format: Literal['xyxy', 'xywh', 'cxcywh'] = 'xyxy', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """IoU loss: one minus the intersection over union of two boxes."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_iou_options]) -> Any: ...
    def configured(self, **options: Unpack[_iou_options]) -> Self: ...
iou: _iou

class _ipo_options(TypedDict, total=False): beta: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _ipo(Typed):
    """IPO (identity preference optimization): the squared distance of the log-ratios' difference from a target."""
    def __call__(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, beta: Varying = 0.1, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """IPO (identity preference optimization): the squared distance of the log-ratios' difference from a target."""
    def grad(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, wrt: Wrt[Literal['policy_chosen', 'policy_rejected', 'reference_chosen', 'reference_rejected', 'beta', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_ipo_options]) -> Any: ...
    def configured(self, **options: Unpack[_ipo_options]) -> Self: ...
ipo: _ipo

class _jaccard_options(TypedDict, total=False): smooth: Varying; smooth_denominator: Varying | None; squared: bool; overlap: Literal['product', 'minimum']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _jaccard(Typed):
    """Jaccard (IoU) loss: one minus the intersection over the union of every region, of masks."""
    def __call__(self, probabilities: Array, targets: Array, *, smooth: Varying = 0.0, smooth_denominator: Varying | None = None, squared: bool = False, overlap: Literal['product', 'minimum'] = 'product', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Jaccard (IoU) loss: one minus the intersection over the union of every region, of masks."""
    def grad(self, probabilities: Array, targets: Array, *, wrt: Wrt[Literal['probabilities', 'targets', 'smooth', 'smooth_denominator', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_jaccard_options]) -> Any: ...
    def configured(self, **options: Unpack[_jaccard_options]) -> Self: ...
jaccard: _jaccard

class _jensen_shannon_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _jensen_shannon(Typed):
    """Jensen-Shannon divergence: the mean divergence of two distributions from their mixture, at most log 2."""
    def __call__(self, predictions: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Jensen-Shannon divergence: the mean divergence of two distributions from their mixture, at most log 2."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_jensen_shannon_options]) -> Any: ...
    def configured(self, **options: Unpack[_jensen_shannon_options]) -> Self: ...
jensen_shannon: _jensen_shannon

class _jsd_consistency_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _jsd_consistency(Typed):
    """Jensen-Shannon consistency (AugMix): the mean divergence of the predictions for all views from their mean."""
    def __call__(self, logits: Shards, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Jensen-Shannon consistency (AugMix): the mean divergence of the predictions for all views from their mean."""
    def grad(self, logits: Shards, *, wrt: Wrt[Literal['logits', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_jsd_consistency_options]) -> Any: ...
    def configured(self, **options: Unpack[_jsd_consistency_options]) -> Self: ...
jsd_consistency: _jsd_consistency

class _kl_divergence_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _kl_divergence(Typed):
    """Kullback-Leibler divergence KL(targets || predictions), from the log-probabilities of the prediction."""
    def __call__(self, log_predictions: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Kullback-Leibler divergence KL(targets || predictions), from the log-probabilities of the prediction."""
    def grad(self, log_predictions: Array, targets: Array, *, wrt: Wrt[Literal['log_predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_kl_divergence_options]) -> Any: ...
    def configured(self, **options: Unpack[_kl_divergence_options]) -> Self: ...
kl_divergence: _kl_divergence

class _kl_divergence_with_log_targets_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _kl_divergence_with_log_targets(Typed):
    """Kullback-Leibler divergence KL(targets || predictions), both given as logarithms."""
    def __call__(self, log_predictions: Array, log_targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Kullback-Leibler divergence KL(targets || predictions), both given as logarithms."""
    def grad(self, log_predictions: Array, log_targets: Array, *, wrt: Wrt[Literal['log_predictions', 'log_targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_kl_divergence_with_log_targets_options]) -> Any: ...
    def configured(self, **options: Unpack[_kl_divergence_with_log_targets_options]) -> Self: ...
kl_divergence_with_log_targets: _kl_divergence_with_log_targets

class _kl_penalty_options(TypedDict, total=False): beta: Varying; under: Literal['policy', 'reference']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _kl_penalty(Typed):
    """KL penalty: beta times the exact Kullback-Leibler divergence of a policy from a reference."""
    def __call__(self, policy_logits: Array, reference_logits: Array, *, beta: Varying = 0.1, under: Literal['policy', 'reference'] = 'policy', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """KL penalty: beta times the exact Kullback-Leibler divergence of a policy from a reference."""
    def grad(self, policy_logits: Array, reference_logits: Array, *, wrt: Wrt[Literal['policy_logits', 'reference_logits', 'beta', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_kl_penalty_options]) -> Any: ...
    def configured(self, **options: Unpack[_kl_penalty_options]) -> Self: ...
kl_penalty: _kl_penalty

class _koleo_options(TypedDict, total=False): normalized: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _koleo(Typed):
    """KoLeo: minus the logarithm of the distance to the nearest other example, which spreads embeddings evenly."""
    def __call__(self, embeddings: Array, *, normalized: bool = True, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """KoLeo: minus the logarithm of the distance to the nearest other example, which spreads embeddings evenly."""
    def grad(self, embeddings: Array, *, wrt: Wrt[Literal['embeddings', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_koleo_options]) -> Any: ...
    def configured(self, **options: Unpack[_koleo_options]) -> Self: ...
koleo: _koleo

class _kto_options(TypedDict, total=False): beta: Varying; desirable_weight: Varying; undesirable_weight: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _kto(Typed):
    """KTO (Kahneman-Tversky optimization): the value of single answers relative to a reference point."""
    def __call__(self, policy: Array, reference: Array, labels: Array, reference_point: Array, *, beta: Varying = 0.1, desirable_weight: Varying = 1.0, undesirable_weight: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """KTO (Kahneman-Tversky optimization): the value of single answers relative to a reference point."""
    def grad(self, policy: Array, reference: Array, labels: Array, reference_point: Array, *, wrt: Wrt[Literal['policy', 'reference', 'labels', 'reference_point', 'beta', 'desirable_weight', 'undesirable_weight', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_kto_options]) -> Any: ...
    def configured(self, **options: Unpack[_kto_options]) -> Self: ...
kto: _kto

class _kullback_leibler_box_options(TypedDict, total=False): tau: Varying; transform: Literal['log1p', 'sqrt']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _kullback_leibler_box(Typed):
    """KLD loss of rotated boxes: the Kullback-Leibler divergence of two Gaussians, bounded."""
    def __call__(self, predictions: Array, targets: Array, *, tau: Varying = 1.0, transform: Literal['log1p', 'sqrt'] = 'log1p', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """KLD loss of rotated boxes: the Kullback-Leibler divergence of two Gaussians, bounded."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'tau', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_kullback_leibler_box_options]) -> Any: ...
    def configured(self, **options: Unpack[_kullback_leibler_box_options]) -> Self: ...
kullback_leibler_box: _kullback_leibler_box

class _l1_regularization_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _l1_regularization(Typed):
    """L1 penalty (lasso): the absolute values of the parameters."""
    def __call__(self, parameters: Shards, *, reduction: _Reduction_n_s_m_cm_bm_o = 'sum', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """L1 penalty (lasso): the absolute values of the parameters."""
    def grad(self, parameters: Shards, *, wrt: Wrt[Literal['parameters', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_l1_regularization_options]) -> Any: ...
    def configured(self, **options: Unpack[_l1_regularization_options]) -> Self: ...
l1_regularization: _l1_regularization

class _l2_regularization_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _l2_regularization(Typed):
    """L2 penalty (weight decay): the squares of the parameters, without a factor 1/2."""
    def __call__(self, parameters: Shards, *, reduction: _Reduction_n_s_m_cm_bm_o = 'sum', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """L2 penalty (weight decay): the squares of the parameters, without a factor 1/2."""
    def grad(self, parameters: Shards, *, wrt: Wrt[Literal['parameters', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_l2_regularization_options]) -> Any: ...
    def configured(self, **options: Unpack[_l2_regularization_options]) -> Self: ...
l2_regularization: _l2_regularization

class _lambda_rank_options(TypedDict, total=False): weighting: Literal['lambdarank', 'ndcg_loss2']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _lambda_rank(Typed):
    """LambdaRank: the logistic loss of every pair of unequal relevance, by how much NDCG changes where the two swap."""
    def __call__(self, scores: Array, labels: Array, *, weighting: Literal['lambdarank', 'ndcg_loss2'] = 'lambdarank', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """LambdaRank: the logistic loss of every pair of unequal relevance, by how much NDCG changes where the two swap."""
    def grad(self, scores: Array, labels: Array, *, wrt: Wrt[Literal['scores', 'labels', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_lambda_rank_options]) -> Any: ...
    def configured(self, **options: Unpack[_lambda_rank_options]) -> Self: ...
lambda_rank: _lambda_rank

class _laplace_nll_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _laplace_nll(Typed):
    """Laplace negative log-likelihood of a target, from a predicted centre and scale."""
    def __call__(self, predictions: Array, targets: Array, scales: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Laplace negative log-likelihood of a target, from a predicted centre and scale."""
    def grad(self, predictions: Array, targets: Array, scales: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'scales', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_laplace_nll_options]) -> Any: ...
    def configured(self, **options: Unpack[_laplace_nll_options]) -> Self: ...
laplace_nll: _laplace_nll

class _large_margin_softmax_options(TypedDict, total=False): margin: int; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None
class _large_margin_softmax(Typed):
    """L-Softmax: cross entropy of a linear layer whose angle to the label counts `margin` times."""
    def __call__(self, features: Array, labels: Array, weights: Array, *, margin: int = 4, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None) -> Result: """L-Softmax: cross entropy of a linear layer whose angle to the label counts `margin` times."""
    def grad(self, features: Array, labels: Array, weights: Array, *, wrt: Wrt[Literal['features', 'weights', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_large_margin_softmax_options]) -> Any: ...
    def configured(self, **options: Unpack[_large_margin_softmax_options]) -> Self: ...
large_margin_softmax: _large_margin_softmax

class _ldam_options(TypedDict, total=False): class_counts: Numbers | None; max_margin: Varying; scale: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _ldam(Typed):
    """LDAM (label-distribution-aware margins): cross entropy in which a rare class has to win by a larger margin."""
    def __call__(self, logits: Array, labels: Array, *, class_counts: Numbers | None = None, max_margin: Varying = 0.5, scale: Varying = 30.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """LDAM (label-distribution-aware margins): cross entropy in which a rare class has to win by a larger margin."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'class_counts', 'max_margin', 'scale', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_ldam_options]) -> Any: ...
    def configured(self, **options: Unpack[_ldam_options]) -> Self: ...
ldam: _ldam

class _lifted_structure_options(TypedDict, total=False): margin: Number; generalized: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _lifted_structure(Typed):
    """Lifted structure loss: the distance of each positive pair against all negatives of both of its members."""
    def __call__(self, embeddings: Array, labels: Array, *, margin: Number = 1.0, generalized: bool = False, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Lifted structure loss: the distance of each positive pair against all negatives of both of its members."""
    def grad(self, embeddings: Array, labels: Array, *, wrt: Wrt[Literal['embeddings', 'margin', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_lifted_structure_options]) -> Any: ...
    def configured(self, **options: Unpack[_lifted_structure_options]) -> Self: ...
lifted_structure: _lifted_structure

class _linear_cross_entropy_options(TypedDict, total=False): bias: Numbers | None; label_smoothing: Varying; softcap: Number | None; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _linear_cross_entropy(Typed):
    """Cross entropy of the logits of a linear layer, which are never held as a whole."""
    def __call__(self, features: Array, weight: Array, labels: Array, *, bias: Numbers | None = None, label_smoothing: Varying = 0.0, softcap: Number | None = None, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Cross entropy of the logits of a linear layer, which are never held as a whole."""
    def grad(self, features: Array, weight: Array, labels: Array, *, wrt: Wrt[Literal['features', 'weight', 'labels', 'bias', 'label_smoothing', 'softcap', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_linear_cross_entropy_options]) -> Any: ...
    def configured(self, **options: Unpack[_linear_cross_entropy_options]) -> Self: ...
linear_cross_entropy: _linear_cross_entropy

class _listmle_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _listmle(Typed):
    """ListMLE: the negative log-likelihood of the order by relevance under the Plackett-Luce model."""
    def __call__(self, scores: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """ListMLE: the negative log-likelihood of the order by relevance under the Plackett-Luce model."""
    def grad(self, scores: Array, labels: Array, *, wrt: Wrt[Literal['scores', 'labels', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_listmle_options]) -> Any: ...
    def configured(self, **options: Unpack[_listmle_options]) -> Self: ...
listmle: _listmle

class _listwise_softmax_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _listwise_softmax(Typed):
    """Softmax ranking loss: the cross entropy between relevance and the softmax of the scores of a list."""
    def __call__(self, scores: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Softmax ranking loss: the cross entropy between relevance and the softmax of the scores of a list."""
    def grad(self, scores: Array, labels: Array, *, wrt: Wrt[Literal['scores', 'labels', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_listwise_softmax_options]) -> Any: ...
    def configured(self, **options: Unpack[_listwise_softmax_options]) -> Self: ...
listwise_softmax: _listwise_softmax

class _load_balancing_options(TypedDict, total=False): top_k: int; reduction: _Reduction_m_cm_o; empty: Empty
class _load_balancing(Typed):
    """Load balancing of a mixture of experts: how often an expert is chosen times how probable it is."""
    def __call__(self, logits: Shards, *, top_k: int = 1, reduction: _Reduction_m_cm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Load balancing of a mixture of experts: how often an expert is chosen times how probable it is."""
    def grad(self, logits: Shards, *, wrt: Wrt[Literal['logits', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_load_balancing_options]) -> Any: ...
    def configured(self, **options: Unpack[_load_balancing_options]) -> Self: ...
load_balancing: _load_balancing

class _local_normalized_cross_correlation_options(TypedDict, total=False): window: Whole; variance_floor: Varying; kernel: Literal['uniform', 'triangular', 'gaussian']; padding: Literal['zeros', 'valid']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _local_normalized_cross_correlation(Typed):
    """Local normalized cross-correlation loss (LNCC): one minus the mean squared correlation of two images in windows."""
    def __call__(self, predictions: Array, targets: Array, *, window: Whole = 9, variance_floor: Varying = 0.0, kernel: Literal['uniform', 'triangular', 'gaussian'] = 'uniform', padding: Literal['zeros', 'valid'] = 'zeros', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Local normalized cross-correlation loss (LNCC): one minus the mean squared correlation of two images in windows."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'variance_floor', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_local_normalized_cross_correlation_options]) -> Any: ...
    def configured(self, **options: Unpack[_local_normalized_cross_correlation_options]) -> Self: ...
local_normalized_cross_correlation: _local_normalized_cross_correlation

class _log_cosh_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _log_cosh(Typed):
    """Log-cosh loss: half the squared error near zero, the absolute error far out."""
    def __call__(self, predictions: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Log-cosh loss: half the squared error near zero, the absolute error far out."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_log_cosh_options]) -> Any: ...
    def configured(self, **options: Unpack[_log_cosh_options]) -> Self: ...
log_cosh: _log_cosh

class _log_logistic_aft_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _log_logistic_aft(Typed):
    """Log-logistic accelerated failure time: the negative log-likelihood of a time between two bounds."""
    def __call__(self, predictions: Array, bounds: Array, scales: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Log-logistic accelerated failure time: the negative log-likelihood of a time between two bounds."""
    def grad(self, predictions: Array, bounds: Array, scales: Array, *, wrt: Wrt[Literal['predictions', 'bounds', 'scales', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_log_logistic_aft_options]) -> Any: ...
    def configured(self, **options: Unpack[_log_logistic_aft_options]) -> Self: ...
log_logistic_aft: _log_logistic_aft

class _log_normal_aft_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _log_normal_aft(Typed):
    """Log-normal accelerated failure time: the negative log-likelihood of a time between two bounds."""
    def __call__(self, predictions: Array, bounds: Array, scales: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Log-normal accelerated failure time: the negative log-likelihood of a time between two bounds."""
    def grad(self, predictions: Array, bounds: Array, scales: Array, *, wrt: Wrt[Literal['predictions', 'bounds', 'scales', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_log_normal_aft_options]) -> Any: ...
    def configured(self, **options: Unpack[_log_normal_aft_options]) -> Self: ...
log_normal_aft: _log_normal_aft

class _logit_adjusted_options(TypedDict, total=False): prior: Numbers | None; tau: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _logit_adjusted(Typed):
    """Logit-adjusted cross entropy: the prior of the classes is in the loss, so that the model learns without it."""
    def __call__(self, logits: Array, labels: Array, *, prior: Numbers | None = None, tau: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Logit-adjusted cross entropy: the prior of the classes is in the loss, so that the model learns without it."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'labels', 'prior', 'tau', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_logit_adjusted_options]) -> Any: ...
    def configured(self, **options: Unpack[_logit_adjusted_options]) -> Self: ...
logit_adjusted: _logit_adjusted

class _lovasz_hinge_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; ignore_index: int | None
class _lovasz_hinge(Typed):
    """Lovasz hinge: the convex extension of the Jaccard loss of an image to the hinge errors of its pixels."""
    def __call__(self, logits: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, ignore_index: int | None = None) -> Result: """Lovasz hinge: the convex extension of the Jaccard loss of an image to the hinge errors of its pixels."""
    def grad(self, logits: Array, targets: Array, *, wrt: Wrt[Literal['logits', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_lovasz_hinge_options]) -> Any: ...
    def configured(self, **options: Unpack[_lovasz_hinge_options]) -> Self: ...
lovasz_hinge: _lovasz_hinge

class _lovasz_softmax_options(TypedDict, total=False): averaged: Literal['present', 'all']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; ignore_index: int | None
class _lovasz_softmax(Typed):
    """Lovasz softmax: the extension of the Jaccard loss to softmax probabilities, averaged over classes."""
    def __call__(self, logits: Array, labels: Array, *, averaged: Literal['present', 'all'] = 'present', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, ignore_index: int | None = None) -> Result: """Lovasz softmax: the extension of the Jaccard loss to softmax probabilities, averaged over classes."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_lovasz_softmax_options]) -> Any: ...
    def configured(self, **options: Unpack[_lovasz_softmax_options]) -> Self: ...
lovasz_softmax: _lovasz_softmax

class _lpips_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _lpips(Typed):
    """LPIPS: weighted squared distances of the directions of feature vectors, one item a layer."""
    def __call__(self, predictions: Arrays, targets: Arrays, channel_weights: Arrays, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """LPIPS: weighted squared distances of the directions of feature vectors, one item a layer."""
    def grad(self, predictions: Arrays, targets: Arrays, channel_weights: Arrays, *, wrt: Wrt[Literal['predictions', 'targets', 'channel_weights', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_lpips_options]) -> Any: ...
    def configured(self, **options: Unpack[_lpips_options]) -> Self: ...
lpips: _lpips

class _lsgan_discriminator_options(TypedDict, total=False): real_target: Varying; fake_target: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _lsgan_discriminator(Typed):
    """Discriminator loss of the least squares GAN: half the squared distances of the scores from their targets."""
    def __call__(self, real_scores: Array, fake_scores: Array, *, real_target: Varying = 1.0, fake_target: Varying = 0.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Discriminator loss of the least squares GAN: half the squared distances of the scores from their targets."""
    def grad(self, real_scores: Array, fake_scores: Array, *, wrt: Wrt[Literal['real_scores', 'fake_scores', 'real_target', 'fake_target', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_lsgan_discriminator_options]) -> Any: ...
    def configured(self, **options: Unpack[_lsgan_discriminator_options]) -> Self: ...
lsgan_discriminator: _lsgan_discriminator

class _lsgan_generator_options(TypedDict, total=False): target: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _lsgan_generator(Typed):
    """Generator loss of the least squares GAN: half the squared distance of fake scores from a target."""
    def __call__(self, fake_scores: Shards, *, target: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Generator loss of the least squares GAN: half the squared distance of fake scores from a target."""
    def grad(self, fake_scores: Shards, *, wrt: Wrt[Literal['fake_scores', 'target', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_lsgan_generator_options]) -> Any: ...
    def configured(self, **options: Unpack[_lsgan_generator_options]) -> Self: ...
lsgan_generator: _lsgan_generator

class _luspo_options(TypedDict, total=False): clip_low: Varying; clip_high: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _luspo(Typed):
    """LUSPO (length-unbiased sequence policy optimization): `gspo` times the number of tokens of an answer."""
    def __call__(self, log_probabilities: Array, old_log_probabilities: Array, advantages: Array, lengths: Array, *, clip_low: Varying = 0.002, clip_high: Varying = 0.0025, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """LUSPO (length-unbiased sequence policy optimization): `gspo` times the number of tokens of an answer."""
    def grad(self, log_probabilities: Array, old_log_probabilities: Array, advantages: Array, lengths: Array, *, wrt: Wrt[Literal['log_probabilities', 'old_log_probabilities', 'advantages', 'clip_low', 'clip_high', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_luspo_options]) -> Any: ...
    def configured(self, **options: Unpack[_luspo_options]) -> Self: ...
luspo: _luspo

class _margin_based_options(TypedDict, total=False): margin: Varying; boundary: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _margin_based(Typed):
    """Margin based loss: similar pairs are nearer than a boundary by a margin, dissimilar ones further."""
    def __call__(self, first: Array, second: Array, labels: Array, *, margin: Varying = 0.2, boundary: Varying = 1.2, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Margin based loss: similar pairs are nearer than a boundary by a margin, dissimilar ones further."""
    def grad(self, first: Array, second: Array, labels: Array, *, wrt: Wrt[Literal['first', 'second', 'labels', 'margin', 'boundary', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_margin_based_options]) -> Any: ...
    def configured(self, **options: Unpack[_margin_based_options]) -> Self: ...
margin_based: _margin_based

class _margin_mse_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _margin_mse(Typed):
    """Margin MSE: the squared error of the student's margin between two scores of one query, by the teacher's."""
    def __call__(self, student_positives: Array, student_negatives: Array, teacher_positives: Array, teacher_negatives: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Margin MSE: the squared error of the student's margin between two scores of one query, by the teacher's."""
    def grad(self, student_positives: Array, student_negatives: Array, teacher_positives: Array, teacher_negatives: Array, *, wrt: Wrt[Literal['student_positives', 'student_negatives', 'teacher_positives', 'teacher_negatives', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_margin_mse_options]) -> Any: ...
    def configured(self, **options: Unpack[_margin_mse_options]) -> Self: ...
margin_mse: _margin_mse

class _margin_ranking_options(TypedDict, total=False): margin: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _margin_ranking(Typed):
    """Margin ranking loss: a hinge on the difference of two scores, of which the label says which is higher."""
    def __call__(self, first: Array, second: Array, labels: Array, *, margin: Varying = 0.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Margin ranking loss: a hinge on the difference of two scores, of which the label says which is higher."""
    def grad(self, first: Array, second: Array, labels: Array, *, wrt: Wrt[Literal['first', 'second', 'labels', 'margin', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_margin_ranking_options]) -> Any: ...
    def configured(self, **options: Unpack[_margin_ranking_options]) -> Self: ...
margin_ranking: _margin_ranking

class _maximum_mean_discrepancy_options(TypedDict, total=False): bandwidth: Varying; unbiased: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _maximum_mean_discrepancy(Typed):
    """Maximum mean discrepancy (MMD) of two samples: the squared distance of their means by a Gaussian kernel."""
    def __call__(self, first: Array, second: Array, *, bandwidth: Varying = 1.0, unbiased: bool = False, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Maximum mean discrepancy (MMD) of two samples: the squared distance of their means by a Gaussian kernel."""
    def grad(self, first: Array, second: Array, *, wrt: Wrt[Literal['first', 'second', 'bandwidth', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_maximum_mean_discrepancy_options]) -> Any: ...
    def configured(self, **options: Unpack[_maximum_mean_discrepancy_options]) -> Self: ...
maximum_mean_discrepancy: _maximum_mean_discrepancy

class _mcc_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _mcc(Typed):
    """MCC loss: one minus the Matthews correlation of prediction and truth in every region."""
    def __call__(self, probabilities: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """MCC loss: one minus the Matthews correlation of prediction and truth in every region."""
    def grad(self, probabilities: Array, targets: Array, *, wrt: Wrt[Literal['probabilities', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_mcc_options]) -> Any: ...
    def configured(self, **options: Unpack[_mcc_options]) -> Self: ...
mcc: _mcc

class _min_snr_options(TypedDict, total=False): gamma: Varying; prediction: Literal['noise', 'data', 'velocity']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _min_snr(Typed):
    """Min-SNR weighted loss of a diffusion model: the squared error, by the signal-to-noise ratio of its time step."""
    def __call__(self, predictions: Array, targets: Array, snr: Array, *, gamma: Varying = 5.0, prediction: Literal['noise', 'data', 'velocity'] = 'noise', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Min-SNR weighted loss of a diffusion model: the squared error, by the signal-to-noise ratio of its time step."""
    def grad(self, predictions: Array, targets: Array, snr: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'snr', 'gamma', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_min_snr_options]) -> Any: ...
    def configured(self, **options: Unpack[_min_snr_options]) -> Self: ...
min_snr: _min_snr

class _modified_huber_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _modified_huber(Typed):
    """Modified Huber loss: the squared hinge loss, linear where the margin is below -1."""
    def __call__(self, logits: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Modified Huber loss: the squared hinge loss, linear where the margin is below -1."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'labels', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_modified_huber_options]) -> Any: ...
    def configured(self, **options: Unpack[_modified_huber_options]) -> Self: ...
modified_huber: _modified_huber

class _mpd_iou_options(TypedDict, total=False): width: Varying; height: Varying; format: Literal['xyxy', 'xywh', 'cxcywh']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _mpd_iou(Typed):
    """MPDIoU loss: the IoU loss plus the squared distances of two pairs of corners, by the diagonal of the image."""
    def __call__(self, predictions: Array, targets: Array, *, width: Varying = 1.0, height: Varying = 1.0, format: Literal['xyxy', 'xywh', 'cxcywh'] = 'xyxy', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """MPDIoU loss: the IoU loss plus the squared distances of two pairs of corners, by the diagonal of the image."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'width', 'height', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_mpd_iou_options]) -> Any: ...
    def configured(self, **options: Unpack[_mpd_iou_options]) -> Self: ...
mpd_iou: _mpd_iou

class _ms_ssim_options(TypedDict, total=False): scale_weights: Numbers; data_range: Number; window: Whole; sigma: Number; k1: Number; k2: Number; normalize: Literal['relu', 'simple']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _ms_ssim(Typed):
    """MS-SSIM loss: one minus the structural similarity of two images at several scales."""
    def __call__(self, predictions: Array, targets: Array, *, scale_weights: Numbers = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333), data_range: Number = 1.0, window: Whole = 11, sigma: Number = 1.5, k1: Number = 0.01, k2: Number = 0.03, normalize: Literal['relu', 'simple'] = 'relu', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """MS-SSIM loss: one minus the structural similarity of two images at several scales."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'scale_weights', 'data_range', 'sigma', 'k1', 'k2', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_ms_ssim_options]) -> Any: ...
    def configured(self, **options: Unpack[_ms_ssim_options]) -> Self: ...
ms_ssim: _ms_ssim

class _ms_ssim_l1_options(TypedDict, total=False): alpha: Varying; sigmas: Numbers; data_range: Number; window: Whole; k1: Number; k2: Number; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _ms_ssim_l1(Typed):
    """Mix of MS-SSIM and L1: one minus the similarity in windows of several widths, and absolute errors in the widest."""
    def __call__(self, predictions: Array, targets: Array, *, alpha: Varying = 0.84, sigmas: Numbers = (0.5, 1.0, 2.0, 4.0, 8.0), data_range: Number = 1.0, window: Whole = 33, k1: Number = 0.01, k2: Number = 0.03, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Mix of MS-SSIM and L1: one minus the similarity in windows of several widths, and absolute errors in the widest."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'alpha', 'sigmas', 'data_range', 'k1', 'k2', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_ms_ssim_l1_options]) -> Any: ...
    def configured(self, **options: Unpack[_ms_ssim_l1_options]) -> Self: ...
ms_ssim_l1: _ms_ssim_l1

class _multi_margin_options(TypedDict, total=False): p: Literal[1, 2]; margin: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _multi_margin(Typed):
    """Multi-class margin loss: hinge losses of the label against each other class, averaged over the classes."""
    def __call__(self, logits: Array, labels: Array, *, p: Literal[1, 2] = 1, margin: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Multi-class margin loss: hinge losses of the label against each other class, averaged over the classes."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'margin', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_multi_margin_options]) -> Any: ...
    def configured(self, **options: Unpack[_multi_margin_options]) -> Self: ...
multi_margin: _multi_margin

class _multi_similarity_options(TypedDict, total=False): alpha: Number; beta: Number; base: Number; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _multi_similarity(Typed):
    """Multi-similarity loss: soft maxima of low cosines within the group and of high ones with other groups."""
    def __call__(self, embeddings: Array, labels: Array, *, alpha: Number = 2.0, beta: Number = 50.0, base: Number = 0.5, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Multi-similarity loss: soft maxima of low cosines within the group and of high ones with other groups."""
    def grad(self, embeddings: Array, labels: Array, *, wrt: Wrt[Literal['embeddings', 'alpha', 'beta', 'base', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_multi_similarity_options]) -> Any: ...
    def configured(self, **options: Unpack[_multi_similarity_options]) -> Self: ...
multi_similarity: _multi_similarity

class _multiclass_hinge_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _multiclass_hinge(Typed):
    """Multi-class hinge loss of Crammer and Singer: the distance by which the label does not lead all others by 1."""
    def __call__(self, logits: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Multi-class hinge loss of Crammer and Singer: the distance by which the label does not lead all others by 1."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_multiclass_hinge_options]) -> Any: ...
    def configured(self, **options: Unpack[_multiclass_hinge_options]) -> Self: ...
multiclass_hinge: _multiclass_hinge

class _multiclass_perceptron_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _multiclass_perceptron(Typed):
    """Multi-class perceptron loss: the best score minus that of the label."""
    def __call__(self, logits: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Multi-class perceptron loss: the best score minus that of the label."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_multiclass_perceptron_options]) -> Any: ...
    def configured(self, **options: Unpack[_multiclass_perceptron_options]) -> Self: ...
multiclass_perceptron: _multiclass_perceptron

class _multilabel_margin_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _multilabel_margin(Typed):
    """Multi-label margin loss: hinge losses of each class that applies against each that does not."""
    def __call__(self, logits: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Multi-label margin loss: hinge losses of each class that applies against each that does not."""
    def grad(self, logits: Array, targets: Array, *, wrt: Wrt[Literal['logits', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_multilabel_margin_options]) -> Any: ...
    def configured(self, **options: Unpack[_multilabel_margin_options]) -> Self: ...
multilabel_margin: _multilabel_margin

class _multilabel_soft_margin_options(TypedDict, total=False): label_weights: Numbers | None; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _multilabel_soft_margin(Typed):
    """Multi-label soft margin loss: the binary cross entropy of each class, averaged over the classes."""
    def __call__(self, logits: Array, targets: Array, *, label_weights: Numbers | None = None, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Multi-label soft margin loss: the binary cross entropy of each class, averaged over the classes."""
    def grad(self, logits: Array, targets: Array, *, wrt: Wrt[Literal['logits', 'targets', 'label_weights', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_multilabel_soft_margin_options]) -> Any: ...
    def configured(self, **options: Unpack[_multilabel_soft_margin_options]) -> Self: ...
multilabel_soft_margin: _multilabel_soft_margin

class _mutual_information_options(TypedDict, total=False): bins: Whole; width: Varying; kernel: Literal['gaussian', 'spline']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _mutual_information(Typed):
    """Mutual information loss: minus what the intensity of a pixel of one image tells of that of the other image."""
    def __call__(self, predictions: Array, targets: Array, *, bins: Whole = 23, width: Varying = 0.5, kernel: Literal['gaussian', 'spline'] = 'gaussian', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Mutual information loss: minus what the intensity of a pixel of one image tells of that of the other image."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'width', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_mutual_information_options]) -> Any: ...
    def configured(self, **options: Unpack[_mutual_information_options]) -> Self: ...
mutual_information: _mutual_information

class _mwer_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _mwer(Typed):
    """MWER (minimum word error rate): the expected number of word errors over an n-best list, less their mean."""
    def __call__(self, scores: Array, costs: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """MWER (minimum word error rate): the expected number of word errors over an n-best list, less their mean."""
    def grad(self, scores: Array, costs: Array, *, wrt: Wrt[Literal['scores', 'costs', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_mwer_options]) -> Any: ...
    def configured(self, **options: Unpack[_mwer_options]) -> Self: ...
mwer: _mwer

class _n_pairs_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _n_pairs(Typed):
    """N-pair loss: cross entropy of each anchor's own positive among all positives, by inner products."""
    def __call__(self, anchors: Array, positives: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """N-pair loss: cross entropy of each anchor's own positive among all positives, by inner products."""
    def grad(self, anchors: Array, positives: Array, *, wrt: Wrt[Literal['anchors', 'positives', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_n_pairs_options]) -> Any: ...
    def configured(self, **options: Unpack[_n_pairs_options]) -> Self: ...
n_pairs: _n_pairs

class _nca_options(TypedDict, total=False): beta: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _nca(Typed):
    """NCA (noise contrastive alignment): raises the chosen answer and keeps both from rising without bound."""
    def __call__(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, beta: Varying = 0.1, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """NCA (noise contrastive alignment): raises the chosen answer and keeps both from rising without bound."""
    def grad(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, wrt: Wrt[Literal['policy_chosen', 'policy_rejected', 'reference_chosen', 'reference_rejected', 'beta', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_nca_options]) -> Any: ...
    def configured(self, **options: Unpack[_nca_options]) -> Self: ...
nca: _nca

class _negative_binomial_nll_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _negative_binomial_nll(Typed):
    """Negative binomial negative log-likelihood of a count, from its mean and size."""
    def __call__(self, predictions: Array, targets: Array, sizes: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Negative binomial negative log-likelihood of a count, from its mean and size."""
    def grad(self, predictions: Array, targets: Array, sizes: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sizes', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_negative_binomial_nll_options]) -> Any: ...
    def configured(self, **options: Unpack[_negative_binomial_nll_options]) -> Self: ...
negative_binomial_nll: _negative_binomial_nll

class _neural_ndcg_options(TypedDict, total=False): temperature: Varying; iterations: int; cutoff: Whole | None; gain: Literal['exponential', 'linear']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _neural_ndcg(Typed):
    """NeuralNDCG: minus the NDCG of an order that is smooth in the scores, by a matrix of shares and no ranks."""
    def __call__(self, scores: Array, labels: Array, *, temperature: Varying = 1.0, iterations: int = 50, cutoff: Whole | None = None, gain: Literal['exponential', 'linear'] = 'exponential', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """NeuralNDCG: minus the NDCG of an order that is smooth in the scores, by a matrix of shares and no ranks."""
    def grad(self, scores: Array, labels: Array, *, wrt: Wrt[Literal['scores', 'labels', 'temperature', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_neural_ndcg_options]) -> Any: ...
    def configured(self, **options: Unpack[_neural_ndcg_options]) -> Self: ...
neural_ndcg: _neural_ndcg

class _nll_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _nll(Typed):
    """Negative log-likelihood of the labels, from log-probabilities."""
    def __call__(self, log_probabilities: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Negative log-likelihood of the labels, from log-probabilities."""
    def grad(self, log_probabilities: Array, labels: Array, *, wrt: Wrt[Literal['log_probabilities', 'labels', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_nll_options]) -> Any: ...
    def configured(self, **options: Unpack[_nll_options]) -> Self: ...
nll: _nll

class _normalized_reverse_cross_entropy_options(TypedDict, total=False): alpha: Varying; beta: Varying; log_zero: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _normalized_reverse_cross_entropy(Typed):
    """NCE + RCE for noisy labels: normalized cross entropy plus reverse cross entropy, both of which are bounded."""
    def __call__(self, logits: Array, labels: Array, *, alpha: Varying = 1.0, beta: Varying = 1.0, log_zero: Varying = -9.210340371976182, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """NCE + RCE for noisy labels: normalized cross entropy plus reverse cross entropy, both of which are bounded."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'alpha', 'beta', 'log_zero', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_normalized_reverse_cross_entropy_options]) -> Any: ...
    def configured(self, **options: Unpack[_normalized_reverse_cross_entropy_options]) -> Self: ...
normalized_reverse_cross_entropy: _normalized_reverse_cross_entropy

class _nt_xent_options(TypedDict, total=False): temperature: Number; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _nt_xent(Typed):
    """NT-Xent (SimCLR): cross entropy of each positive of an example against the negatives, by cosines."""
    def __call__(self, embeddings: Array, labels: Array, *, temperature: Number = 0.07, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """NT-Xent (SimCLR): cross entropy of each positive of an example against the negatives, by cosines."""
    def grad(self, embeddings: Array, labels: Array, *, wrt: Wrt[Literal['embeddings', 'temperature', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_nt_xent_options]) -> Any: ...
    def configured(self, **options: Unpack[_nt_xent_options]) -> Self: ...
nt_xent: _nt_xent

class _object_keypoint_similarity_options(TypedDict, total=False): sigmas: Numbers; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _object_keypoint_similarity(Typed):
    """OKS loss: one minus the object keypoint similarity, a mean of Gaussians of the distances of keypoints."""
    def __call__(self, predictions: Array, targets: Array, visible: Array, areas: Array, *, sigmas: Numbers = (0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089), reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """OKS loss: one minus the object keypoint similarity, a mean of Gaussians of the distances of keypoints."""
    def grad(self, predictions: Array, targets: Array, visible: Array, areas: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'visible', 'areas', 'sigmas', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_object_keypoint_similarity_options]) -> Any: ...
    def configured(self, **options: Unpack[_object_keypoint_similarity_options]) -> Self: ...
object_keypoint_similarity: _object_keypoint_similarity

class _orpo_options(TypedDict, total=False): beta: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _orpo(Typed):
    """ORPO (odds ratio preference optimization): the likelihood of the chosen answer plus a logistic loss of odds."""
    def __call__(self, chosen: Array, rejected: Array, *, beta: Varying = 0.1, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """ORPO (odds ratio preference optimization): the likelihood of the chosen answer plus a logistic loss of odds."""
    def grad(self, chosen: Array, rejected: Array, *, wrt: Wrt[Literal['chosen', 'rejected', 'beta', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_orpo_options]) -> Any: ...
    def configured(self, **options: Unpack[_orpo_options]) -> Self: ...
orpo: _orpo

class _pairwise_hinge_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _pairwise_hinge(Typed):
    """Pairwise hinge loss of every pair of a list in which one item is more relevant."""
    def __call__(self, scores: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Pairwise hinge loss of every pair of a list in which one item is more relevant."""
    def grad(self, scores: Array, labels: Array, *, wrt: Wrt[Literal['scores', 'labels', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_pairwise_hinge_options]) -> Any: ...
    def configured(self, **options: Unpack[_pairwise_hinge_options]) -> Self: ...
pairwise_hinge: _pairwise_hinge

class _pairwise_logistic_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _pairwise_logistic(Typed):
    """Pairwise logistic loss (RankNet): the logistic loss of every pair of a list in which one item is more relevant."""
    def __call__(self, scores: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Pairwise logistic loss (RankNet): the logistic loss of every pair of a list in which one item is more relevant."""
    def grad(self, scores: Array, labels: Array, *, wrt: Wrt[Literal['scores', 'labels', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_pairwise_logistic_options]) -> Any: ...
    def configured(self, **options: Unpack[_pairwise_logistic_options]) -> Self: ...
pairwise_logistic: _pairwise_logistic

class _pairwise_mse_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _pairwise_mse(Typed):
    """Pairwise squared error: squared differences between the gaps of scores and the gaps of labels."""
    def __call__(self, scores: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Pairwise squared error: squared differences between the gaps of scores and the gaps of labels."""
    def grad(self, scores: Array, labels: Array, *, wrt: Wrt[Literal['scores', 'labels', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_pairwise_mse_options]) -> Any: ...
    def configured(self, **options: Unpack[_pairwise_mse_options]) -> Self: ...
pairwise_mse: _pairwise_mse

class _perceptron_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _perceptron(Typed):
    """Perceptron loss: the size of a score of the wrong sign."""
    def __call__(self, logits: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Perceptron loss: the size of a score of the wrong sign."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'labels', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_perceptron_options]) -> Any: ...
    def configured(self, **options: Unpack[_perceptron_options]) -> Self: ...
perceptron: _perceptron

class _perceptual_options(TypedDict, total=False): layer_weights: Numbers | None; form: Literal['content', 'gram']; normalization: Literal['johnson', 'gatys', 'mean']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _perceptual(Typed):
    """Perceptual loss: the difference of two images in the feature maps of a network, one item a layer."""
    def __call__(self, predictions: Arrays, targets: Arrays, *, layer_weights: Numbers | None = None, form: Literal['content', 'gram'] = 'content', normalization: Literal['johnson', 'gatys', 'mean'] = 'johnson', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Perceptual loss: the difference of two images in the feature maps of a network, one item a layer."""
    def grad(self, predictions: Arrays, targets: Arrays, *, wrt: Wrt[Literal['predictions', 'targets', 'layer_weights', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_perceptual_options]) -> Any: ...
    def configured(self, **options: Unpack[_perceptual_options]) -> Self: ...
perceptual: _perceptual

class _permutation_invariant_sdr_options(TypedDict, total=False): zero_mean: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _permutation_invariant_sdr(Typed):
    """Negative scale-invariant signal-to-distortion ratio of separated sources, which may come in any order."""
    def __call__(self, predictions: Array, targets: Array, *, zero_mean: bool = False, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Negative scale-invariant signal-to-distortion ratio of separated sources, which may come in any order."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_permutation_invariant_sdr_options]) -> Any: ...
    def configured(self, **options: Unpack[_permutation_invariant_sdr_options]) -> Self: ...
permutation_invariant_sdr: _permutation_invariant_sdr

class _perplexity_options(TypedDict, total=False): reduction: _Reduction_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _perplexity(Typed):
    """Perplexity: the exponential of the mean negative log-likelihood of all tokens, one number for the call."""
    def __call__(self, logits: Array, labels: Array, *, reduction: _Reduction_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Perplexity: the exponential of the mean negative log-likelihood of all tokens, one number for the call."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'labels', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_perplexity_options]) -> Any: ...
    def configured(self, **options: Unpack[_perplexity_options]) -> Self: ...
perplexity: _perplexity

class _poisson_nll_options(TypedDict, total=False): log_input: bool; full: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _poisson_nll(Typed):
    """Poisson negative log-likelihood of a count, from the mean or its logarithm."""
    def __call__(self, predictions: Array, targets: Array, *, log_input: bool = True, full: bool = False, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Poisson negative log-likelihood of a count, from the mean or its logarithm."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_poisson_nll_options]) -> Any: ...
    def configured(self, **options: Unpack[_poisson_nll_options]) -> Self: ...
poisson_nll: _poisson_nll

class _policy_gradient_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _policy_gradient(Typed):
    """Policy gradient (REINFORCE) loss: minus the log-probability of an action times its advantage."""
    def __call__(self, log_probabilities: Array, advantages: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Policy gradient (REINFORCE) loss: minus the log-probability of an action times its advantage."""
    def grad(self, log_probabilities: Array, advantages: Array, *, wrt: Wrt[Literal['log_probabilities', 'advantages', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_policy_gradient_options]) -> Any: ...
    def configured(self, **options: Unpack[_policy_gradient_options]) -> Self: ...
policy_gradient: _policy_gradient

class _policy_kl_divergence_options(TypedDict, total=False): direction: Literal['forward', 'reverse']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _policy_kl_divergence(Typed):
    """KL divergence of a policy from an older one, exact over all actions of a state: the constraint of TRPO."""
    def __call__(self, logits: Array, old_logits: Array, *, direction: Literal['forward', 'reverse'] = 'forward', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """KL divergence of a policy from an older one, exact over all actions of a state: the constraint of TRPO."""
    def grad(self, logits: Array, old_logits: Array, *, wrt: Wrt[Literal['logits', 'old_logits', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_policy_kl_divergence_options]) -> Any: ...
    def configured(self, **options: Unpack[_policy_kl_divergence_options]) -> Self: ...
policy_kl_divergence: _policy_kl_divergence

class _policy_kl_estimate_options(TypedDict, total=False): estimator: Literal['k1', 'k2', 'k3']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _policy_kl_estimate(Typed):
    """Monte Carlo estimate of KL(policy || reference), from actions that the policy has sampled."""
    def __call__(self, log_probabilities: Array, reference_log_probabilities: Array, *, estimator: Literal['k1', 'k2', 'k3'] = 'k3', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Monte Carlo estimate of KL(policy || reference), from actions that the policy has sampled."""
    def grad(self, log_probabilities: Array, reference_log_probabilities: Array, *, wrt: Wrt[Literal['log_probabilities', 'reference_log_probabilities', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_policy_kl_estimate_options]) -> Any: ...
    def configured(self, **options: Unpack[_policy_kl_estimate_options]) -> Self: ...
policy_kl_estimate: _policy_kl_estimate

class _poly1_cross_entropy_options(TypedDict, total=False): epsilon: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _poly1_cross_entropy(Typed):
    """Poly-1 loss: cross entropy with a coefficient of its own for the first term of its series in 1 - p."""
    def __call__(self, logits: Array, labels: Array, *, epsilon: Varying = 2.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Poly-1 loss: cross entropy with a coefficient of its own for the first term of its series in 1 - p."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'labels', 'epsilon', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_poly1_cross_entropy_options]) -> Any: ...
    def configured(self, **options: Unpack[_poly1_cross_entropy_options]) -> Self: ...
poly1_cross_entropy: _poly1_cross_entropy

class _ppo_clip_options(TypedDict, total=False): clip_low: Varying; clip_high: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _ppo_clip(Typed):
    """PPO loss: the clipped surrogate objective of proximal policy optimization, to be minimised."""
    def __call__(self, log_probabilities: Array, old_log_probabilities: Array, advantages: Array, *, clip_low: Varying = 0.2, clip_high: Varying = 0.2, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """PPO loss: the clipped surrogate objective of proximal policy optimization, to be minimised."""
    def grad(self, log_probabilities: Array, old_log_probabilities: Array, advantages: Array, *, wrt: Wrt[Literal['log_probabilities', 'old_log_probabilities', 'advantages', 'clip_low', 'clip_high', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_ppo_clip_options]) -> Any: ...
    def configured(self, **options: Unpack[_ppo_clip_options]) -> Self: ...
ppo_clip: _ppo_clip

class _ppo_dual_clip_options(TypedDict, total=False): clip_low: Varying; clip_high: Varying; dual_clip: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _ppo_dual_clip(Typed):
    """Dual-clip PPO loss: the clipped surrogate, bounded above where an advantage is negative."""
    def __call__(self, log_probabilities: Array, old_log_probabilities: Array, advantages: Array, *, clip_low: Varying = 0.2, clip_high: Varying = 0.2, dual_clip: Varying = 3.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Dual-clip PPO loss: the clipped surrogate, bounded above where an advantage is negative."""
    def grad(self, log_probabilities: Array, old_log_probabilities: Array, advantages: Array, *, wrt: Wrt[Literal['log_probabilities', 'old_log_probabilities', 'advantages', 'clip_low', 'clip_high', 'dual_clip', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_ppo_dual_clip_options]) -> Any: ...
    def configured(self, **options: Unpack[_ppo_dual_clip_options]) -> Self: ...
ppo_dual_clip: _ppo_dual_clip

class _ppo_value_clip_options(TypedDict, total=False): clip: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _ppo_value_clip(Typed):
    """PPO value loss: half the squared error of a value, or of it clipped near its old one, whichever is larger."""
    def __call__(self, values: Array, old_values: Array, returns: Array, *, clip: Varying = 0.2, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """PPO value loss: half the squared error of a value, or of it clipped near its old one, whichever is larger."""
    def grad(self, values: Array, old_values: Array, returns: Array, *, wrt: Wrt[Literal['values', 'old_values', 'returns', 'clip', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_ppo_value_clip_options]) -> Any: ...
    def configured(self, **options: Unpack[_ppo_value_clip_options]) -> Self: ...
ppo_value_clip: _ppo_value_clip

class _prob_iou_options(TypedDict, total=False): mode: Literal['hellinger', 'bhattacharyya']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _prob_iou(Typed):
    """ProbIoU loss of rotated boxes: the Hellinger distance of two Gaussians, or their Bhattacharyya distance."""
    def __call__(self, predictions: Array, targets: Array, *, mode: Literal['hellinger', 'bhattacharyya'] = 'hellinger', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """ProbIoU loss of rotated boxes: the Hellinger distance of two Gaussians, or their Bhattacharyya distance."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_prob_iou_options]) -> Any: ...
    def configured(self, **options: Unpack[_prob_iou_options]) -> Self: ...
prob_iou: _prob_iou

class _proxy_anchor_options(TypedDict, total=False): margin: Number; alpha: Number; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None
class _proxy_anchor(Typed):
    """Proxy-anchor loss: each proxy draws the examples of its class near and pushes all others away, the hardest most."""
    def __call__(self, embeddings: Array, proxies: Array, labels: Array, *, margin: Number = 0.1, alpha: Number = 32.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None) -> Result: """Proxy-anchor loss: each proxy draws the examples of its class near and pushes all others away, the hardest most."""
    def grad(self, embeddings: Array, proxies: Array, labels: Array, *, wrt: Wrt[Literal['embeddings', 'proxies', 'margin', 'alpha', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_proxy_anchor_options]) -> Any: ...
    def configured(self, **options: Unpack[_proxy_anchor_options]) -> Self: ...
proxy_anchor: _proxy_anchor

class _proxy_nca_options(TypedDict, total=False): temperature: Varying; own_in_sum: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None
class _proxy_nca(Typed):
    """Proxy-NCA: an embedding is near to the proxy of its class and far from those of other classes, by a softmin."""
    def __call__(self, embeddings: Array, proxies: Array, labels: Array, *, temperature: Varying = 1.0, own_in_sum: bool = False, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None) -> Result: """Proxy-NCA: an embedding is near to the proxy of its class and far from those of other classes, by a softmin."""
    def grad(self, embeddings: Array, proxies: Array, labels: Array, *, wrt: Wrt[Literal['embeddings', 'proxies', 'temperature', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_proxy_nca_options]) -> Any: ...
    def configured(self, **options: Unpack[_proxy_nca_options]) -> Self: ...
proxy_nca: _proxy_nca

class _pseudo_huber_options(TypedDict, total=False): delta: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _pseudo_huber(Typed):
    """Pseudo-Huber loss: smooth, quadratic near zero, of slope `delta` far out."""
    def __call__(self, predictions: Array, targets: Array, *, delta: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Pseudo-Huber loss: smooth, quadratic near zero, of slope `delta` far out."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'delta', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_pseudo_huber_options]) -> Any: ...
    def configured(self, **options: Unpack[_pseudo_huber_options]) -> Self: ...
pseudo_huber: _pseudo_huber

class _psnr_options(TypedDict, total=False): data_range: Number; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _psnr(Typed):
    """Negative peak signal-to-noise ratio of an image or volume, in decibels."""
    def __call__(self, predictions: Array, targets: Array, *, data_range: Number = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Negative peak signal-to-noise ratio of an image or volume, in decibels."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'data_range', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_psnr_options]) -> Any: ...
    def configured(self, **options: Unpack[_psnr_options]) -> Self: ...
psnr: _psnr

class _quality_focal_options(TypedDict, total=False): beta: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _quality_focal(Typed):
    """Quality focal loss: binary cross entropy times a power of the distance of a score from its quality."""
    def __call__(self, logits: Array, targets: Array, *, beta: Varying = 2.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Quality focal loss: binary cross entropy times a power of the distance of a score from its quality."""
    def grad(self, logits: Array, targets: Array, *, wrt: Wrt[Literal['logits', 'targets', 'beta', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_quality_focal_options]) -> Any: ...
    def configured(self, **options: Unpack[_quality_focal_options]) -> Self: ...
quality_focal: _quality_focal

class _quantile_options(TypedDict, total=False): level: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _quantile(Typed):
    """Quantile (pinball) loss, whose minimum is the quantile of that level."""
    def __call__(self, predictions: Array, targets: Array, *, level: Varying = 0.5, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Quantile (pinball) loss, whose minimum is the quantile of that level."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'level', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_quantile_options]) -> Any: ...
    def configured(self, **options: Unpack[_quantile_options]) -> Self: ...
quantile: _quantile

class _quantile_huber_options(TypedDict, total=False): level: Varying; delta: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _quantile_huber(Typed):
    """Quantile Huber loss of QR-DQN and IQN: the Huber loss with one weight below the target and another above."""
    def __call__(self, predictions: Array, targets: Array, *, level: Varying = 0.5, delta: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Quantile Huber loss of QR-DQN and IQN: the Huber loss with one weight below the target and another above."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'level', 'delta', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_quantile_huber_options]) -> Any: ...
    def configured(self, **options: Unpack[_quantile_huber_options]) -> Self: ...
quantile_huber: _quantile_huber

class _quantile_td_options(TypedDict, total=False): kappa: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _quantile_td(Typed):
    """Quantile TD loss (QR-DQN): quantile Huber loss of all quantiles of a return against all samples of its target."""
    def __call__(self, predictions: Array, targets: Array, *, kappa: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Quantile TD loss (QR-DQN): quantile Huber loss of all quantiles of a return against all samples of its target."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'kappa', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_quantile_td_options]) -> Any: ...
    def configured(self, **options: Unpack[_quantile_td_options]) -> Self: ...
quantile_td: _quantile_td

class _ramp_options(TypedDict, total=False): variant: Literal[1, 2, 3]; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _ramp(Typed):
    """Ramp loss: the gap between two best scores, found with costs added, left out or subtracted."""
    def __call__(self, scores: Array, costs: Array, *, variant: Literal[1, 2, 3] = 1, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Ramp loss: the gap between two best scores, found with costs added, left out or subtracted."""
    def grad(self, scores: Array, costs: Array, *, wrt: Wrt[Literal['scores', 'costs', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_ramp_options]) -> Any: ...
    def configured(self, **options: Unpack[_ramp_options]) -> Self: ...
ramp: _ramp

class _relational_angle_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _relational_angle(Typed):
    """Relational distillation of angles (RKD-A): the angles between examples are the teacher's."""
    def __call__(self, student_embeddings: Array, teacher_embeddings: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Relational distillation of angles (RKD-A): the angles between examples are the teacher's."""
    def grad(self, student_embeddings: Array, teacher_embeddings: Array, *, wrt: Wrt[Literal['student_embeddings', 'teacher_embeddings', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_relational_angle_options]) -> Any: ...
    def configured(self, **options: Unpack[_relational_angle_options]) -> Self: ...
relational_angle: _relational_angle

class _relativistic_average_gan_discriminator_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _relativistic_average_gan_discriminator(Typed):
    """Discriminator loss of the relativistic average GAN (RaSGAN): logits relative to the mean of the other kind."""
    def __call__(self, real_logits: Array, fake_logits: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Discriminator loss of the relativistic average GAN (RaSGAN): logits relative to the mean of the other kind."""
    def grad(self, real_logits: Array, fake_logits: Array, *, wrt: Wrt[Literal['real_logits', 'fake_logits', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_relativistic_average_gan_discriminator_options]) -> Any: ...
    def configured(self, **options: Unpack[_relativistic_average_gan_discriminator_options]) -> Self: ...
relativistic_average_gan_discriminator: _relativistic_average_gan_discriminator

class _relativistic_average_gan_generator_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _relativistic_average_gan_generator(Typed):
    """Generator loss of the relativistic average GAN (RaSGAN): logits relative to the mean of the other kind."""
    def __call__(self, real_logits: Array, fake_logits: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Generator loss of the relativistic average GAN (RaSGAN): logits relative to the mean of the other kind."""
    def grad(self, real_logits: Array, fake_logits: Array, *, wrt: Wrt[Literal['real_logits', 'fake_logits', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_relativistic_average_gan_generator_options]) -> Any: ...
    def configured(self, **options: Unpack[_relativistic_average_gan_generator_options]) -> Self: ...
relativistic_average_gan_generator: _relativistic_average_gan_generator

class _relativistic_average_gan_hinge_discriminator_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _relativistic_average_gan_hinge_discriminator(Typed):
    """Discriminator loss of the relativistic average hinge GAN: margins relative to the mean of the other kind."""
    def __call__(self, real_scores: Array, fake_scores: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Discriminator loss of the relativistic average hinge GAN: margins relative to the mean of the other kind."""
    def grad(self, real_scores: Array, fake_scores: Array, *, wrt: Wrt[Literal['real_scores', 'fake_scores', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_relativistic_average_gan_hinge_discriminator_options]) -> Any: ...
    def configured(self, **options: Unpack[_relativistic_average_gan_hinge_discriminator_options]) -> Self: ...
relativistic_average_gan_hinge_discriminator: _relativistic_average_gan_hinge_discriminator

class _relativistic_average_gan_hinge_generator_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _relativistic_average_gan_hinge_generator(Typed):
    """Generator loss of the relativistic average hinge GAN: margins relative to the mean of the other kind."""
    def __call__(self, real_scores: Array, fake_scores: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Generator loss of the relativistic average hinge GAN: margins relative to the mean of the other kind."""
    def grad(self, real_scores: Array, fake_scores: Array, *, wrt: Wrt[Literal['real_scores', 'fake_scores', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_relativistic_average_gan_hinge_generator_options]) -> Any: ...
    def configured(self, **options: Unpack[_relativistic_average_gan_hinge_generator_options]) -> Self: ...
relativistic_average_gan_hinge_generator: _relativistic_average_gan_hinge_generator

class _relativistic_average_lsgan_discriminator_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _relativistic_average_lsgan_discriminator(Typed):
    """Discriminator loss of the relativistic average LSGAN (RaLSGAN): squared errors of scores less the other mean."""
    def __call__(self, real_scores: Array, fake_scores: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Discriminator loss of the relativistic average LSGAN (RaLSGAN): squared errors of scores less the other mean."""
    def grad(self, real_scores: Array, fake_scores: Array, *, wrt: Wrt[Literal['real_scores', 'fake_scores', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_relativistic_average_lsgan_discriminator_options]) -> Any: ...
    def configured(self, **options: Unpack[_relativistic_average_lsgan_discriminator_options]) -> Self: ...
relativistic_average_lsgan_discriminator: _relativistic_average_lsgan_discriminator

class _relativistic_average_lsgan_generator_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _relativistic_average_lsgan_generator(Typed):
    """Generator loss of the relativistic average LSGAN (RaLSGAN): squared errors of scores less the other mean."""
    def __call__(self, real_scores: Array, fake_scores: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Generator loss of the relativistic average LSGAN (RaLSGAN): squared errors of scores less the other mean."""
    def grad(self, real_scores: Array, fake_scores: Array, *, wrt: Wrt[Literal['real_scores', 'fake_scores', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_relativistic_average_lsgan_generator_options]) -> Any: ...
    def configured(self, **options: Unpack[_relativistic_average_lsgan_generator_options]) -> Self: ...
relativistic_average_lsgan_generator: _relativistic_average_lsgan_generator

class _relativistic_gan_discriminator_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _relativistic_gan_discriminator(Typed):
    """Discriminator loss of the relativistic GAN (RSGAN): the logistic loss of real minus fake logit."""
    def __call__(self, real_logits: Array, fake_logits: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Discriminator loss of the relativistic GAN (RSGAN): the logistic loss of real minus fake logit."""
    def grad(self, real_logits: Array, fake_logits: Array, *, wrt: Wrt[Literal['real_logits', 'fake_logits', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_relativistic_gan_discriminator_options]) -> Any: ...
    def configured(self, **options: Unpack[_relativistic_gan_discriminator_options]) -> Self: ...
relativistic_gan_discriminator: _relativistic_gan_discriminator

class _relativistic_gan_generator_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _relativistic_gan_generator(Typed):
    """Generator loss of the relativistic GAN (RSGAN): the logistic loss of fake minus real logit."""
    def __call__(self, real_logits: Array, fake_logits: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Generator loss of the relativistic GAN (RSGAN): the logistic loss of fake minus real logit."""
    def grad(self, real_logits: Array, fake_logits: Array, *, wrt: Wrt[Literal['real_logits', 'fake_logits', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_relativistic_gan_generator_options]) -> Any: ...
    def configured(self, **options: Unpack[_relativistic_gan_generator_options]) -> Self: ...
relativistic_gan_generator: _relativistic_gan_generator

class _renyi_divergence_options(TypedDict, total=False): order: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _renyi_divergence(Typed):
    """Renyi divergence of the prediction from the target, of any positive order, from logarithms."""
    def __call__(self, log_predictions: Array, log_targets: Array, *, order: Varying = 0.5, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Renyi divergence of the prediction from the target, of any positive order, from logarithms."""
    def grad(self, log_predictions: Array, log_targets: Array, *, wrt: Wrt[Literal['log_predictions', 'log_targets', 'order', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_renyi_divergence_options]) -> Any: ...
    def configured(self, **options: Unpack[_renyi_divergence_options]) -> Self: ...
renyi_divergence: _renyi_divergence

class _rescaled_square_options(TypedDict, total=False): k: Varying; m: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _rescaled_square(Typed):
    """Square loss for classification: squared differences from a one-hot vector of height m, times k at the label."""
    def __call__(self, predictions: Array, labels: Array, *, k: Varying = 1.0, m: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Square loss for classification: squared differences from a one-hot vector of height m, times k at the label."""
    def grad(self, predictions: Array, labels: Array, *, wrt: Wrt[Literal['predictions', 'k', 'm', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_rescaled_square_options]) -> Any: ...
    def configured(self, **options: Unpack[_rescaled_square_options]) -> Self: ...
rescaled_square: _rescaled_square

class _reverse_kl_divergence_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _reverse_kl_divergence(Typed):
    """Reverse Kullback-Leibler divergence KL(predictions || targets), which seeks a mode of the targets."""
    def __call__(self, log_predictions: Array, log_targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Reverse Kullback-Leibler divergence KL(predictions || targets), which seeks a mode of the targets."""
    def grad(self, log_predictions: Array, log_targets: Array, *, wrt: Wrt[Literal['log_predictions', 'log_targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_reverse_kl_divergence_options]) -> Any: ...
    def configured(self, **options: Unpack[_reverse_kl_divergence_options]) -> Self: ...
reverse_kl_divergence: _reverse_kl_divergence

class _reward_bradley_terry_options(TypedDict, total=False): margin: Varying; center_coefficient: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _reward_bradley_terry(Typed):
    """Reward model loss: the negative log-likelihood of a preference under the Bradley-Terry model."""
    def __call__(self, chosen: Array, rejected: Array, *, margin: Varying = 0.0, center_coefficient: Varying = 0.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Reward model loss: the negative log-likelihood of a preference under the Bradley-Terry model."""
    def grad(self, chosen: Array, rejected: Array, *, wrt: Wrt[Literal['chosen', 'rejected', 'margin', 'center_coefficient', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_reward_bradley_terry_options]) -> Any: ...
    def configured(self, **options: Unpack[_reward_bradley_terry_options]) -> Self: ...
reward_bradley_terry: _reward_bradley_terry

class _risk_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _risk(Typed):
    """Bayes risk: the expected cost of a candidate that is drawn by softmax(scores), for minimum risk training."""
    def __call__(self, scores: Array, costs: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Bayes risk: the expected cost of a candidate that is drawn by softmax(scores), for minimum risk training."""
    def grad(self, scores: Array, costs: Array, *, wrt: Wrt[Literal['scores', 'costs', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_risk_options]) -> Any: ...
    def configured(self, **options: Unpack[_risk_options]) -> Self: ...
risk: _risk

class _rloo_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _rloo(Typed):
    """RLOO (REINFORCE leave-one-out): policy gradient of a group of answers, each against the mean of the others."""
    def __call__(self, log_probabilities: Array, rewards: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """RLOO (REINFORCE leave-one-out): policy gradient of a group of answers, each against the mean of the others."""
    def grad(self, log_probabilities: Array, rewards: Array, *, wrt: Wrt[Literal['log_probabilities', 'rewards', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_rloo_options]) -> Any: ...
    def configured(self, **options: Unpack[_rloo_options]) -> Self: ...
rloo: _rloo

class _rnn_transducer_options(TypedDict, total=False): blank: int; reduction: _Reduction_n_s_m_cm_bm_o_lm_tm; empty: Empty; axis: int
class _rnn_transducer(Typed):
    """RNN transducer loss: the negative log-probability of a label sequence over all ways to emit it."""
    def __call__(self, logits: Array, labels: Array, input_lengths: Array, label_lengths: Array, *, blank: int = 0, reduction: _Reduction_n_s_m_cm_bm_o_lm_tm = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """RNN transducer loss: the negative log-probability of a label sequence over all ways to emit it."""
    def grad(self, logits: Array, labels: Array, input_lengths: Array, label_lengths: Array, *, wrt: Wrt[Literal['logits', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_rnn_transducer_options]) -> Any: ...
    def configured(self, **options: Unpack[_rnn_transducer_options]) -> Self: ...
rnn_transducer: _rnn_transducer

class _robust_dpo_options(TypedDict, total=False): beta: Varying; flip_probability: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _robust_dpo(Typed):
    """Robust DPO: an unbiased estimate of the DPO loss when some pairs are labelled the wrong way round."""
    def __call__(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, beta: Varying = 0.1, flip_probability: Varying = 0.1, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Robust DPO: an unbiased estimate of the DPO loss when some pairs are labelled the wrong way round."""
    def grad(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, wrt: Wrt[Literal['policy_chosen', 'policy_rejected', 'reference_chosen', 'reference_rejected', 'beta', 'flip_probability', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_robust_dpo_options]) -> Any: ...
    def configured(self, **options: Unpack[_robust_dpo_options]) -> Self: ...
robust_dpo: _robust_dpo

class _root_mean_squared_error_options(TypedDict, total=False): reduction: _Reduction_m_cm_bm_o; empty: Empty
class _root_mean_squared_error(Typed):
    """Root mean squared error, one number for all elements."""
    def __call__(self, predictions: Array, targets: Array, *, reduction: _Reduction_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Root mean squared error, one number for all elements."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_root_mean_squared_error_options]) -> Any: ...
    def configured(self, **options: Unpack[_root_mean_squared_error_options]) -> Self: ...
root_mean_squared_error: _root_mean_squared_error

class _sac_actor_options(TypedDict, total=False): temperature: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _sac_actor(Typed):
    """SAC policy loss (soft actor-critic): the log-density of an action times a temperature, less its value."""
    def __call__(self, log_probabilities: Array, values: Array, *, temperature: Varying = 0.2, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """SAC policy loss (soft actor-critic): the log-density of an action times a temperature, less its value."""
    def grad(self, log_probabilities: Array, values: Array, *, wrt: Wrt[Literal['log_probabilities', 'values', 'temperature', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_sac_actor_options]) -> Any: ...
    def configured(self, **options: Unpack[_sac_actor_options]) -> Self: ...
sac_actor: _sac_actor

class _sac_critic_options(TypedDict, total=False): temperature: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _sac_critic(Typed):
    """SAC value loss (soft actor-critic): half the squared error of a value from its soft Bellman target."""
    def __call__(self, values: Array, rewards: Array, discounts: Array, next_values: Array, next_log_probabilities: Array, *, temperature: Varying = 0.2, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """SAC value loss (soft actor-critic): half the squared error of a value from its soft Bellman target."""
    def grad(self, values: Array, rewards: Array, discounts: Array, next_values: Array, next_log_probabilities: Array, *, wrt: Wrt[Literal['values', 'rewards', 'discounts', 'next_values', 'next_log_probabilities', 'temperature', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_sac_critic_options]) -> Any: ...
    def configured(self, **options: Unpack[_sac_critic_options]) -> Self: ...
sac_critic: _sac_critic

class _sac_temperature_options(TypedDict, total=False): target_entropy: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _sac_temperature(Typed):
    """SAC temperature loss (soft actor-critic): raises the temperature while the entropy is below its target."""
    def __call__(self, log_probabilities: Array, temperatures: Array, *, target_entropy: Varying = -1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """SAC temperature loss (soft actor-critic): raises the temperature while the entropy is below its target."""
    def grad(self, log_probabilities: Array, temperatures: Array, *, wrt: Wrt[Literal['log_probabilities', 'temperatures', 'target_entropy', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_sac_temperature_options]) -> Any: ...
    def configured(self, **options: Unpack[_sac_temperature_options]) -> Self: ...
sac_temperature: _sac_temperature

class _sapo_options(TypedDict, total=False): temperature: Varying; negative_temperature: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _sapo(Typed):
    """SAPO (soft adaptive policy optimization): a surrogate in which a smooth gate takes the place of the clip."""
    def __call__(self, log_probabilities: Array, old_log_probabilities: Array, advantages: Array, *, temperature: Varying = 1.0, negative_temperature: Varying = 1.05, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """SAPO (soft adaptive policy optimization): a surrogate in which a smooth gate takes the place of the clip."""
    def grad(self, log_probabilities: Array, old_log_probabilities: Array, advantages: Array, *, wrt: Wrt[Literal['log_probabilities', 'old_log_probabilities', 'advantages', 'temperature', 'negative_temperature', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_sapo_options]) -> Any: ...
    def configured(self, **options: Unpack[_sapo_options]) -> Self: ...
sapo: _sapo

class _scale_invariant_sdr_options(TypedDict, total=False): zero_mean: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _scale_invariant_sdr(Typed):
    """Negative scale-invariant signal-to-distortion ratio of a waveform, in decibels."""
    def __call__(self, predictions: Array, targets: Array, *, zero_mean: bool = False, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Negative scale-invariant signal-to-distortion ratio of a waveform, in decibels."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_scale_invariant_sdr_options]) -> Any: ...
    def configured(self, **options: Unpack[_scale_invariant_sdr_options]) -> Self: ...
scale_invariant_sdr: _scale_invariant_sdr

class _seesaw_options(TypedDict, total=False): class_counts: Numbers | None; p: Varying; q: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _seesaw(Typed):
    """Seesaw loss: cross entropy in which rarer classes are pushed down less, and those that win wrongly more."""
    def __call__(self, logits: Array, labels: Array, *, class_counts: Numbers | None = None, p: Varying = 0.8, q: Varying = 2.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Seesaw loss: cross entropy in which rarer classes are pushed down less, and those that win wrongly more."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'class_counts', 'p', 'q', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_seesaw_options]) -> Any: ...
    def configured(self, **options: Unpack[_seesaw_options]) -> Self: ...
seesaw: _seesaw

class _semi_hard_triplet_options(TypedDict, total=False): margin: Number; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _semi_hard_triplet(Typed):
    """Semi-hard triplet loss (FaceNet): each positive pair with the nearest negative that is further than the positive."""
    def __call__(self, embeddings: Array, labels: Array, *, margin: Number = 0.2, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Semi-hard triplet loss (FaceNet): each positive pair with the nearest negative that is further than the positive."""
    def grad(self, embeddings: Array, labels: Array, *, wrt: Wrt[Literal['embeddings', 'margin', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_semi_hard_triplet_options]) -> Any: ...
    def configured(self, **options: Unpack[_semi_hard_triplet_options]) -> Self: ...
semi_hard_triplet: _semi_hard_triplet

class _sequence_nll_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o_lm_tm; empty: Empty; ignore_index: int | None; axis: int
class _sequence_nll(Typed):
    """Negative log-likelihood of a sequence of tokens."""
    def __call__(self, logits: Array, labels: Array, lengths: Array, *, reduction: _Reduction_n_s_m_cm_bm_o_lm_tm = 'token_mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Negative log-likelihood of a sequence of tokens."""
    def grad(self, logits: Array, labels: Array, lengths: Array, *, wrt: Wrt[Literal['logits', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_sequence_nll_options]) -> Any: ...
    def configured(self, **options: Unpack[_sequence_nll_options]) -> Self: ...
sequence_nll: _sequence_nll

class _siglip_options(TypedDict, total=False): temperature: Number; bias: Number; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _siglip(Typed):
    """SigLIP loss: for each image and each text of the batch, binary cross entropy of belonging together."""
    def __call__(self, first: Array, second: Array, *, temperature: Number = 0.1, bias: Number = -10.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """SigLIP loss: for each image and each text of the batch, binary cross entropy of belonging together."""
    def grad(self, first: Array, second: Array, *, wrt: Wrt[Literal['first', 'second', 'temperature', 'bias', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_siglip_options]) -> Any: ...
    def configured(self, **options: Unpack[_siglip_options]) -> Self: ...
siglip: _siglip

class _sigmoid_focal_options(TypedDict, total=False): gamma: Varying; alpha: Varying | None; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _sigmoid_focal(Typed):
    """Focal loss of yes/no targets: binary cross entropy times (1 - p_t)^gamma."""
    def __call__(self, logits: Array, targets: Array, *, gamma: Varying = 2.0, alpha: Varying | None = None, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Focal loss of yes/no targets: binary cross entropy times (1 - p_t)^gamma."""
    def grad(self, logits: Array, targets: Array, *, wrt: Wrt[Literal['logits', 'targets', 'gamma', 'alpha', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_sigmoid_focal_options]) -> Any: ...
    def configured(self, **options: Unpack[_sigmoid_focal_options]) -> Self: ...
sigmoid_focal: _sigmoid_focal

class _silog_options(TypedDict, total=False): variance_focus: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _silog(Typed):
    """Scale-invariant loss of a depth map: the variance of its log-ratios plus a part of their squared mean."""
    def __call__(self, predictions: Array, targets: Array, *, variance_focus: Varying = 0.5, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Scale-invariant loss of a depth map: the variance of its log-ratios plus a part of their squared mean."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'variance_focus', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_silog_options]) -> Any: ...
    def configured(self, **options: Unpack[_silog_options]) -> Self: ...
silog: _silog

class _simpo_options(TypedDict, total=False): beta: Varying; gamma: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _simpo(Typed):
    """SimPO (simple preference optimization): the logistic loss of mean log-probabilities, with a margin."""
    def __call__(self, chosen: Array, rejected: Array, *, beta: Varying = 2.0, gamma: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """SimPO (simple preference optimization): the logistic loss of mean log-probabilities, with a margin."""
    def grad(self, chosen: Array, rejected: Array, *, wrt: Wrt[Literal['chosen', 'rejected', 'beta', 'gamma', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_simpo_options]) -> Any: ...
    def configured(self, **options: Unpack[_simpo_options]) -> Self: ...
simpo: _simpo

class _sinkhorn_options(TypedDict, total=False): row_weight: Numbers | None; column_weight: Numbers | None; regularization: Varying; iterations: int; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _sinkhorn(Typed):
    """Sinkhorn distance, or entropic optimal transport: the cost of moving one distribution to another, regularized."""
    def __call__(self, costs: Shards, *, row_weight: Numbers | None = None, column_weight: Numbers | None = None, regularization: Varying = 0.1, iterations: int = 50, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Sinkhorn distance, or entropic optimal transport: the cost of moving one distribution to another, regularized."""
    def grad(self, costs: Shards, *, wrt: Wrt[Literal['costs', 'row_weight', 'column_weight', 'regularization', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_sinkhorn_options]) -> Any: ...
    def configured(self, **options: Unpack[_sinkhorn_options]) -> Self: ...
sinkhorn: _sinkhorn

class _siou_options(TypedDict, total=False): theta: Varying; format: Literal['xyxy', 'xywh', 'cxcywh']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _siou(Typed):
    """SIoU loss: the IoU loss plus costs of the distance of two boxes, along the axes, and of their shapes."""
    def __call__(self, predictions: Array, targets: Array, *, theta: Varying = 4.0, format: Literal['xyxy', 'xywh', 'cxcywh'] = 'xyxy', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """SIoU loss: the IoU loss plus costs of the distance of two boxes, along the axes, and of their shapes."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'theta', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_siou_options]) -> Any: ...
    def configured(self, **options: Unpack[_siou_options]) -> Self: ...
siou: _siou

class _slic_hinge_options(TypedDict, total=False): beta: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _slic_hinge(Typed):
    """SLiC hinge loss of the difference of two log-ratios to a reference, with a margin of 1 / beta."""
    def __call__(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, beta: Varying = 0.1, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """SLiC hinge loss of the difference of two log-ratios to a reference, with a margin of 1 / beta."""
    def grad(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, wrt: Wrt[Literal['policy_chosen', 'policy_rejected', 'reference_chosen', 'reference_rejected', 'beta', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_slic_hinge_options]) -> Any: ...
    def configured(self, **options: Unpack[_slic_hinge_options]) -> Self: ...
slic_hinge: _slic_hinge

class _smooth_l1_options(TypedDict, total=False): beta: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _smooth_l1(Typed):
    """Smooth L1 loss: the absolute error with its corner rounded off within `beta`."""
    def __call__(self, predictions: Array, targets: Array, *, beta: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Smooth L1 loss: the absolute error with its corner rounded off within `beta`."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'beta', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_smooth_l1_options]) -> Any: ...
    def configured(self, **options: Unpack[_smooth_l1_options]) -> Self: ...
smooth_l1: _smooth_l1

class _smoothed_ctc_options(TypedDict, total=False): blank: int; smoothing: Varying; divergence: Literal['to_uniform', 'from_uniform']; zero_infinity: bool; reduction: _Reduction_n_s_m_cm_bm_o_lm_tm; empty: Empty; axis: int
class _smoothed_ctc(Typed):
    """Label-smoothed CTC: `ctc_with_logits` and, in every frame, the divergence of its classes from all being alike."""
    def __call__(self, logits: Array, labels: Array, input_lengths: Array, label_lengths: Array, *, blank: int = 0, smoothing: Varying = 0.1, divergence: Literal['to_uniform', 'from_uniform'] = 'to_uniform', zero_infinity: bool = False, reduction: _Reduction_n_s_m_cm_bm_o_lm_tm = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Label-smoothed CTC: `ctc_with_logits` and, in every frame, the divergence of its classes from all being alike."""
    def grad(self, logits: Array, labels: Array, input_lengths: Array, label_lengths: Array, *, wrt: Wrt[Literal['logits', 'smoothing', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_smoothed_ctc_options]) -> Any: ...
    def configured(self, **options: Unpack[_smoothed_ctc_options]) -> Self: ...
smoothed_ctc: _smoothed_ctc

class _soft_cldice_options(TypedDict, total=False): iterations: Whole; smooth: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _soft_cldice(Typed):
    """Soft centerline Dice loss (clDice): how much of each skeleton lies outside of the other region."""
    def __call__(self, probabilities: Array, targets: Array, *, iterations: Whole = 3, smooth: Varying = 0.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Soft centerline Dice loss (clDice): how much of each skeleton lies outside of the other region."""
    def grad(self, probabilities: Array, targets: Array, *, wrt: Wrt[Literal['probabilities', 'targets', 'smooth', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_soft_cldice_options]) -> Any: ...
    def configured(self, **options: Unpack[_soft_cldice_options]) -> Self: ...
soft_cldice: _soft_cldice

class _soft_dtw_options(TypedDict, total=False): gamma: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _soft_dtw(Typed):
    """Soft-DTW (dynamic time warping): the soft minimum of the cost over all alignments of two series."""
    def __call__(self, costs: Shards, *, gamma: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Soft-DTW (dynamic time warping): the soft minimum of the cost over all alignments of two series."""
    def grad(self, costs: Shards, *, wrt: Wrt[Literal['costs', 'gamma', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_soft_dtw_options]) -> Any: ...
    def configured(self, **options: Unpack[_soft_dtw_options]) -> Self: ...
soft_dtw: _soft_dtw

class _soft_margin_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _soft_margin(Typed):
    """Logistic loss of a logit and a sign, as in logistic regression."""
    def __call__(self, logits: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Logistic loss of a logit and a sign, as in logistic regression."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'labels', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_soft_margin_options]) -> Any: ...
    def configured(self, **options: Unpack[_soft_margin_options]) -> Self: ...
soft_margin: _soft_margin

class _soft_ramp_options(TypedDict, total=False): variant: Literal[1, 2, 3]; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _soft_ramp(Typed):
    """Soft ramp loss: `ramp` with log-sum-exp in place of each maximum."""
    def __call__(self, scores: Array, costs: Array, *, variant: Literal[1, 2, 3] = 1, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Soft ramp loss: `ramp` with log-sum-exp in place of each maximum."""
    def grad(self, scores: Array, costs: Array, *, wrt: Wrt[Literal['scores', 'costs', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_soft_ramp_options]) -> Any: ...
    def configured(self, **options: Unpack[_soft_ramp_options]) -> Self: ...
soft_ramp: _soft_ramp

class _softmax_margin_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _softmax_margin(Typed):
    """Softmax-margin loss: cross entropy in which the cost of each candidate is added to its score."""
    def __call__(self, scores: Array, labels: Array, costs: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Softmax-margin loss: cross entropy in which the cost of each candidate is added to its score."""
    def grad(self, scores: Array, labels: Array, costs: Array, *, wrt: Wrt[Literal['scores', 'costs', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_softmax_margin_options]) -> Any: ...
    def configured(self, **options: Unpack[_softmax_margin_options]) -> Self: ...
softmax_margin: _softmax_margin

class _sparsemax_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _sparsemax(Typed):
    """Sparsemax loss: 0 as soon as the label leads by 1, for probabilities that may be exactly 0."""
    def __call__(self, logits: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Sparsemax loss: 0 as soon as the label leads by 1, for probabilities that may be exactly 0."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'labels', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_sparsemax_options]) -> Any: ...
    def configured(self, **options: Unpack[_sparsemax_options]) -> Self: ...
sparsemax: _sparsemax

class _sppo_options(TypedDict, total=False): beta: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _sppo(Typed):
    """SPPO (self-play preference optimization): squared distances of the two log-ratios from their targets."""
    def __call__(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, beta: Varying = 0.001, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """SPPO (self-play preference optimization): squared distances of the two log-ratios from their targets."""
    def grad(self, policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, *, wrt: Wrt[Literal['policy_chosen', 'policy_rejected', 'reference_chosen', 'reference_rejected', 'beta', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_sppo_options]) -> Any: ...
    def configured(self, **options: Unpack[_sppo_options]) -> Self: ...
sppo: _sppo

class _squared_emd_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _squared_emd(Typed):
    """Squared earth mover's distance of grades: squared differences of the cumulative probabilities, summed."""
    def __call__(self, logits: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Squared earth mover's distance of grades: squared differences of the cumulative probabilities, summed."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_squared_emd_options]) -> Any: ...
    def configured(self, **options: Unpack[_squared_emd_options]) -> Self: ...
squared_emd: _squared_emd

class _squared_error_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _squared_error(Typed):
    """Squared error of prediction and target."""
    def __call__(self, predictions: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Squared error of prediction and target."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_squared_error_options]) -> Any: ...
    def configured(self, **options: Unpack[_squared_error_options]) -> Self: ...
squared_error: _squared_error

class _squared_hellinger_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _squared_hellinger(Typed):
    """Squared Hellinger distance of two distributions."""
    def __call__(self, predictions: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Squared Hellinger distance of two distributions."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_squared_hellinger_options]) -> Any: ...
    def configured(self, **options: Unpack[_squared_hellinger_options]) -> Self: ...
squared_hellinger: _squared_hellinger

class _squared_hinge_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _squared_hinge(Typed):
    """Squared hinge loss, which is differentiable everywhere."""
    def __call__(self, logits: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Squared hinge loss, which is differentiable everywhere."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'labels', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_squared_hinge_options]) -> Any: ...
    def configured(self, **options: Unpack[_squared_hinge_options]) -> Self: ...
squared_hinge: _squared_hinge

class _squared_log_error_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _squared_log_error(Typed):
    """Squared logarithmic error: of the logarithms of one plus prediction and one plus target."""
    def __call__(self, predictions: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Squared logarithmic error: of the logarithms of one plus prediction and one plus target."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_squared_log_error_options]) -> Any: ...
    def configured(self, **options: Unpack[_squared_log_error_options]) -> Self: ...
squared_log_error: _squared_log_error

class _squentropy_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _squentropy(Typed):
    """Squentropy: cross entropy plus the mean square of the logits of the incorrect classes."""
    def __call__(self, logits: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Squentropy: cross entropy plus the mean square of the logits of the incorrect classes."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'labels', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_squentropy_options]) -> Any: ...
    def configured(self, **options: Unpack[_squentropy_options]) -> Self: ...
squentropy: _squentropy

class _ssim_options(TypedDict, total=False): data_range: Number; window: Whole; sigma: Number; k1: Number; k2: Number; kernel: Literal['gaussian', 'uniform']; padding: Literal['valid', 'reflect']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _ssim(Typed):
    """SSIM loss: one minus the mean structural similarity of two images or volumes."""
    def __call__(self, predictions: Array, targets: Array, *, data_range: Number = 1.0, window: Whole = 11, sigma: Number = 1.5, k1: Number = 0.01, k2: Number = 0.03, kernel: Literal['gaussian', 'uniform'] = 'gaussian', padding: Literal['valid', 'reflect'] = 'valid', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """SSIM loss: one minus the mean structural similarity of two images or volumes."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'data_range', 'sigma', 'k1', 'k2', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_ssim_options]) -> Any: ...
    def configured(self, **options: Unpack[_ssim_options]) -> Self: ...
ssim: _ssim

class _stft_options(TypedDict, total=False): fft_size: Whole; hop: Whole; window: Whole; convergence_factor: Varying; magnitude_factor: Varying; floor: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _stft(Typed):
    """STFT loss of a waveform: the distance of two spectrograms, relative and of their logarithms."""
    def __call__(self, predictions: Array, targets: Array, *, fft_size: Whole = 1024, hop: Whole = 256, window: Whole = 1024, convergence_factor: Varying = 1.0, magnitude_factor: Varying = 1.0, floor: Varying = 1e-08, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """STFT loss of a waveform: the distance of two spectrograms, relative and of their logarithms."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'convergence_factor', 'magnitude_factor', 'floor', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_stft_options]) -> Any: ...
    def configured(self, **options: Unpack[_stft_options]) -> Self: ...
stft: _stft

class _structured_hinge_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _structured_hinge(Typed):
    """Structured hinge loss (structured SVM): the margin of the gold candidate grows with the cost of the others."""
    def __call__(self, scores: Array, labels: Array, costs: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Structured hinge loss (structured SVM): the margin of the gold candidate grows with the cost of the others."""
    def grad(self, scores: Array, labels: Array, costs: Array, *, wrt: Wrt[Literal['scores', 'costs', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_structured_hinge_options]) -> Any: ...
    def configured(self, **options: Unpack[_structured_hinge_options]) -> Self: ...
structured_hinge: _structured_hinge

class _student_t_nll_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _student_t_nll(Typed):
    """Student's t negative log-likelihood of a target, from a predicted centre, scale and degrees of freedom."""
    def __call__(self, predictions: Array, targets: Array, scales: Array, degrees: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Student's t negative log-likelihood of a target, from a predicted centre, scale and degrees of freedom."""
    def grad(self, predictions: Array, targets: Array, scales: Array, degrees: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'scales', 'degrees', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_student_t_nll_options]) -> Any: ...
    def configured(self, **options: Unpack[_student_t_nll_options]) -> Self: ...
student_t_nll: _student_t_nll

class _supervised_contrastive_options(TypedDict, total=False): temperature: Number; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _supervised_contrastive(Typed):
    """Supervised contrastive loss: cross entropy of each example's group among all others of the batch."""
    def __call__(self, embeddings: Array, labels: Array, *, temperature: Number = 0.1, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Supervised contrastive loss: cross entropy of each example's group among all others of the batch."""
    def grad(self, embeddings: Array, labels: Array, *, wrt: Wrt[Literal['embeddings', 'temperature', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_supervised_contrastive_options]) -> Any: ...
    def configured(self, **options: Unpack[_supervised_contrastive_options]) -> Self: ...
supervised_contrastive: _supervised_contrastive

class _swav_options(TypedDict, total=False): temperature: Number; epsilon: Number; iterations: int; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _swav(Typed):
    """SwAV: each view predicts the code of the other one, its share in prototypes that the batch uses evenly."""
    def __call__(self, first_scores: Array, second_scores: Array, *, temperature: Number = 0.1, epsilon: Number = 0.05, iterations: int = 3, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """SwAV: each view predicts the code of the other one, its share in prototypes that the batch uses evenly."""
    def grad(self, first_scores: Array, second_scores: Array, *, wrt: Wrt[Literal['first_scores', 'second_scores', 'temperature', 'epsilon', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_swav_options]) -> Any: ...
    def configured(self, **options: Unpack[_swav_options]) -> Self: ...
swav: _swav

class _symmetric_absolute_percentage_error_options(TypedDict, total=False): percent: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _symmetric_absolute_percentage_error(Typed):
    """Symmetric absolute percentage error: the absolute error as a part of the mean of both magnitudes."""
    def __call__(self, predictions: Array, targets: Array, *, percent: bool = False, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Symmetric absolute percentage error: the absolute error as a part of the mean of both magnitudes."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_symmetric_absolute_percentage_error_options]) -> Any: ...
    def configured(self, **options: Unpack[_symmetric_absolute_percentage_error_options]) -> Self: ...
symmetric_absolute_percentage_error: _symmetric_absolute_percentage_error

class _symmetric_cross_entropy_options(TypedDict, total=False): alpha: Varying; beta: Varying; log_zero: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; class_weight: Array | None; ignore_index: int | None; axis: int
class _symmetric_cross_entropy(Typed):
    """Symmetric cross entropy for noisy labels: cross entropy plus that of the labels under the prediction."""
    def __call__(self, logits: Array, labels: Array, *, alpha: Varying = 0.1, beta: Varying = 1.0, log_zero: Varying = -4.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, class_weight: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Symmetric cross entropy for noisy labels: cross entropy plus that of the labels under the prediction."""
    def grad(self, logits: Array, labels: Array, *, wrt: Wrt[Literal['logits', 'labels', 'alpha', 'beta', 'log_zero', 'sample_weight', 'class_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_symmetric_cross_entropy_options]) -> Any: ...
    def configured(self, **options: Unpack[_symmetric_cross_entropy_options]) -> Self: ...
symmetric_cross_entropy: _symmetric_cross_entropy

class _td_error_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _td_error(Typed):
    """Temporal-difference loss: half of the square of the error of a value against the value of the next state."""
    def __call__(self, predictions: Array, next_values: Array, rewards: Array, discounts: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Temporal-difference loss: half of the square of the error of a value against the value of the next state."""
    def grad(self, predictions: Array, next_values: Array, rewards: Array, discounts: Array, *, wrt: Wrt[Literal['predictions', 'next_values', 'rewards', 'discounts', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_td_error_options]) -> Any: ...
    def configured(self, **options: Unpack[_td_error_options]) -> Self: ...
td_error: _td_error

class _total_variation_options(TypedDict, total=False): isotropic: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _total_variation(Typed):
    """Total variation of an image: the sum of the differences between neighbouring pixels."""
    def __call__(self, images: Shards, *, isotropic: bool = False, reduction: _Reduction_n_s_m_cm_bm_o = 'sum', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Total variation of an image: the sum of the differences between neighbouring pixels."""
    def grad(self, images: Shards, *, wrt: Wrt[Literal['images', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_total_variation_options]) -> Any: ...
    def configured(self, **options: Unpack[_total_variation_options]) -> Self: ...
total_variation: _total_variation

class _total_variation_distance_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _total_variation_distance(Typed):
    """Total variation distance: the largest difference between the probabilities of one event."""
    def __call__(self, predictions: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Total variation distance: the largest difference between the probabilities of one event."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_total_variation_distance_options]) -> Any: ...
    def configured(self, **options: Unpack[_total_variation_distance_options]) -> Self: ...
total_variation_distance: _total_variation_distance

class _triplet_margin_options(TypedDict, total=False): margin: Varying; distance: Literal['euclidean', 'squared', 'cosine'] | Callable[..., Any]; swap: bool; soft: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _triplet_margin(Typed):
    """Triplet loss: a hinge on the distance to the positive minus that to the negative."""
    def __call__(self, anchors: Array, positives: Array, negatives: Array, *, margin: Varying = 1.0, distance: Literal['euclidean', 'squared', 'cosine'] | Callable[..., Any] = 'euclidean', swap: bool = False, soft: bool = False, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Triplet loss: a hinge on the distance to the positive minus that to the negative."""
    def grad(self, anchors: Array, positives: Array, negatives: Array, *, wrt: Wrt[Literal['anchors', 'positives', 'negatives', 'margin', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_triplet_margin_options]) -> Any: ...
    def configured(self, **options: Unpack[_triplet_margin_options]) -> Self: ...
triplet_margin: _triplet_margin

class _tukey_biweight_options(TypedDict, total=False): delta: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _tukey_biweight(Typed):
    """Tukey's biweight loss: quadratic near zero, and flat beyond `delta`, so that outliers count nothing."""
    def __call__(self, predictions: Array, targets: Array, *, delta: Varying = 4.685, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Tukey's biweight loss: quadratic near zero, and flat beyond `delta`, so that outliers count nothing."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'delta', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_tukey_biweight_options]) -> Any: ...
    def configured(self, **options: Unpack[_tukey_biweight_options]) -> Self: ...
tukey_biweight: _tukey_biweight

class _tversky_options(TypedDict, total=False): alpha: Varying; beta: Varying; smooth: Varying; smooth_denominator: Varying | None; overlap: Literal['product', 'minimum']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _tversky(Typed):
    """Tversky loss: the Dice loss with weights of their own for false positives and false negatives."""
    def __call__(self, probabilities: Array, targets: Array, *, alpha: Varying = 0.5, beta: Varying = 0.5, smooth: Varying = 0.0, smooth_denominator: Varying | None = None, overlap: Literal['product', 'minimum'] = 'product', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Tversky loss: the Dice loss with weights of their own for false positives and false negatives."""
    def grad(self, probabilities: Array, targets: Array, *, wrt: Wrt[Literal['probabilities', 'targets', 'alpha', 'beta', 'smooth', 'smooth_denominator', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_tversky_options]) -> Any: ...
    def configured(self, **options: Unpack[_tversky_options]) -> Self: ...
tversky: _tversky

class _unified_focal_options(TypedDict, total=False): overlap_weight: Varying; delta: Varying; gamma: Varying; asymmetric: bool; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _unified_focal(Typed):
    """Unified focal loss of every region: focal Tversky losses of region and background plus a focal cross entropy."""
    def __call__(self, probabilities: Array, targets: Array, *, overlap_weight: Varying = 0.5, delta: Varying = 0.6, gamma: Varying = 0.5, asymmetric: bool = True, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Unified focal loss of every region: focal Tversky losses of region and background plus a focal cross entropy."""
    def grad(self, probabilities: Array, targets: Array, *, wrt: Wrt[Literal['probabilities', 'targets', 'overlap_weight', 'delta', 'gamma', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_unified_focal_options]) -> Any: ...
    def configured(self, **options: Unpack[_unified_focal_options]) -> Self: ...
unified_focal: _unified_focal

class _uniformity_options(TypedDict, total=False): t: Number; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _uniformity(Typed):
    """Uniformity loss: the logarithm of the mean Gaussian potential of all pairs of a batch, least where it is spread."""
    def __call__(self, embeddings: Array, *, t: Number = 2.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Uniformity loss: the logarithm of the mean Gaussian potential of all pairs of a batch, least where it is spread."""
    def grad(self, embeddings: Array, *, wrt: Wrt[Literal['embeddings', 't', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_uniformity_options]) -> Any: ...
    def configured(self, **options: Unpack[_uniformity_options]) -> Self: ...
uniformity: _uniformity

class _unique_softmax_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _unique_softmax(Typed):
    """Unique softmax loss: every item competes with those that are less relevant, alone."""
    def __call__(self, scores: Array, labels: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None) -> Result: """Unique softmax loss: every item competes with those that are less relevant, alone."""
    def grad(self, scores: Array, labels: Array, *, wrt: Wrt[Literal['scores', 'labels', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_unique_softmax_options]) -> Any: ...
    def configured(self, **options: Unpack[_unique_softmax_options]) -> Self: ...
unique_softmax: _unique_softmax

class _v_trace_options(TypedDict, total=False): clip_ratio: Varying; clip_trace: Varying; trace_decay: Varying; reduction: _Reduction_n_s_m_cm_bm_o_lm_tm; empty: Empty
class _v_trace(Typed):
    """V-trace loss of values (IMPALA): half of their squared distances from returns of several steps of another policy."""
    def __call__(self, predictions: Array, next_values: Array, rewards: Array, discounts: Array, log_ratios: Array, lengths: Array, *, clip_ratio: Varying = 1.0, clip_trace: Varying = 1.0, trace_decay: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o_lm_tm = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """V-trace loss of values (IMPALA): half of their squared distances from returns of several steps of another policy."""
    def grad(self, predictions: Array, next_values: Array, rewards: Array, discounts: Array, log_ratios: Array, lengths: Array, *, wrt: Wrt[Literal['predictions', 'next_values', 'rewards', 'discounts', 'log_ratios', 'clip_ratio', 'clip_trace', 'trace_decay', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_v_trace_options]) -> Any: ...
    def configured(self, **options: Unpack[_v_trace_options]) -> Self: ...
v_trace: _v_trace

class _varifocal_options(TypedDict, total=False): alpha: Varying; gamma: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _varifocal(Typed):
    """Varifocal loss: cross entropy weighed by the quality of a positive box, focal for negative ones."""
    def __call__(self, logits: Array, targets: Array, *, alpha: Varying = 0.75, gamma: Varying = 2.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Varifocal loss: cross entropy weighed by the quality of a positive box, focal for negative ones."""
    def grad(self, logits: Array, targets: Array, *, wrt: Wrt[Literal['logits', 'targets', 'alpha', 'gamma', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_varifocal_options]) -> Any: ...
    def configured(self, **options: Unpack[_varifocal_options]) -> Self: ...
varifocal: _varifocal

class _vicreg_options(TypedDict, total=False): invariance: Number; variance: Number; covariance: Number; epsilon: Number; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _vicreg(Typed):
    """VICReg: the distance of two views, plus penalties of low variance and of covariance of the features."""
    def __call__(self, first: Array, second: Array, *, invariance: Number = 25.0, variance: Number = 25.0, covariance: Number = 1.0, epsilon: Number = 0.0001, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """VICReg: the distance of two views, plus penalties of low variance and of covariance of the features."""
    def grad(self, first: Array, second: Array, *, wrt: Wrt[Literal['first', 'second', 'invariance', 'variance', 'covariance', 'epsilon', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_vicreg_options]) -> Any: ...
    def configured(self, **options: Unpack[_vicreg_options]) -> Self: ...
vicreg: _vicreg

class _vq_commitment_options(TypedDict, total=False): beta: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _vq_commitment(Typed):
    """Codebook and commitment loss of VQ-VAE: codes move to the encodings, and encodings, more slowly, to their codes."""
    def __call__(self, encodings: Array, codes: Array, *, beta: Varying = 0.25, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Codebook and commitment loss of VQ-VAE: codes move to the encodings, and encodings, more slowly, to their codes."""
    def grad(self, encodings: Array, codes: Array, *, wrt: Wrt[Literal['encodings', 'codes', 'beta', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_vq_commitment_options]) -> Any: ...
    def configured(self, **options: Unpack[_vq_commitment_options]) -> Self: ...
vq_commitment: _vq_commitment

class _wasserstein_1d_options(TypedDict, total=False): power: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _wasserstein_1d(Typed):
    """Wasserstein distance of two samples of numbers of one size, to its power: the cost of pairing them in order."""
    def __call__(self, first: Array, second: Array, *, power: Varying = 1.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Wasserstein distance of two samples of numbers of one size, to its power: the cost of pairing them in order."""
    def grad(self, first: Array, second: Array, *, wrt: Wrt[Literal['first', 'second', 'power', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_wasserstein_1d_options]) -> Any: ...
    def configured(self, **options: Unpack[_wasserstein_1d_options]) -> Self: ...
wasserstein_1d: _wasserstein_1d

class _wasserstein_dice_options(TypedDict, total=False): smooth: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; ignore_index: int | None; axis: int
class _wasserstein_dice(Typed):
    """Generalized Wasserstein Dice loss of an image: Dice, in which an error costs as much as its class is far away."""
    def __call__(self, logits: Array, labels: Array, class_distances: Array, *, smooth: Varying = 0.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """Generalized Wasserstein Dice loss of an image: Dice, in which an error costs as much as its class is far away."""
    def grad(self, logits: Array, labels: Array, class_distances: Array, *, wrt: Wrt[Literal['logits', 'class_distances', 'smooth', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_wasserstein_dice_options]) -> Any: ...
    def configured(self, **options: Unpack[_wasserstein_dice_options]) -> Self: ...
wasserstein_dice: _wasserstein_dice

class _weibull_aft_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _weibull_aft(Typed):
    """Weibull accelerated failure time: the negative log-likelihood of a time between two bounds."""
    def __call__(self, predictions: Array, bounds: Array, scales: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Weibull accelerated failure time: the negative log-likelihood of a time between two bounds."""
    def grad(self, predictions: Array, bounds: Array, scales: Array, *, wrt: Wrt[Literal['predictions', 'bounds', 'scales', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_weibull_aft_options]) -> Any: ...
    def configured(self, **options: Unpack[_weibull_aft_options]) -> Self: ...
weibull_aft: _weibull_aft

class _wgan_critic_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _wgan_critic(Typed):
    """Critic loss of the Wasserstein GAN: the fake score minus the real one."""
    def __call__(self, real_scores: Array, fake_scores: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Critic loss of the Wasserstein GAN: the fake score minus the real one."""
    def grad(self, real_scores: Array, fake_scores: Array, *, wrt: Wrt[Literal['real_scores', 'fake_scores', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_wgan_critic_options]) -> Any: ...
    def configured(self, **options: Unpack[_wgan_critic_options]) -> Self: ...
wgan_critic: _wgan_critic

class _wgan_generator_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _wgan_generator(Typed):
    """Generator loss of the Wasserstein GAN and of the hinge GAN: minus the score of a fake."""
    def __call__(self, fake_scores: Shards, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Generator loss of the Wasserstein GAN and of the hinge GAN: minus the score of a fake."""
    def grad(self, fake_scores: Shards, *, wrt: Wrt[Literal['fake_scores', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_wgan_generator_options]) -> Any: ...
    def configured(self, **options: Unpack[_wgan_generator_options]) -> Self: ...
wgan_generator: _wgan_generator

class _wing_options(TypedDict, total=False): width: Varying; curvature: Varying; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _wing(Typed):
    """Wing loss of coordinates of landmarks: logarithmic near zero, where it weighs small errors up, linear beyond."""
    def __call__(self, predictions: Array, targets: Array, *, width: Varying = 10.0, curvature: Varying = 2.0, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Wing loss of coordinates of landmarks: logarithmic near zero, where it weighs small errors up, linear beyond."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'width', 'curvature', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_wing_options]) -> Any: ...
    def configured(self, **options: Unpack[_wing_options]) -> Self: ...
wing: _wing

class _wise_iou_options(TypedDict, total=False): format: Literal['xyxy', 'xywh', 'cxcywh']; reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _wise_iou(Typed):
    """Wise-IoU loss, version 1: the IoU loss times the exponential of the distance of the centres of two boxes."""
    def __call__(self, predictions: Array, targets: Array, *, format: Literal['xyxy', 'xywh', 'cxcywh'] = 'xyxy', reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Wise-IoU loss, version 1: the IoU loss times the exponential of the distance of the centres of two boxes."""
    def grad(self, predictions: Array, targets: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_wise_iou_options]) -> Any: ...
    def configured(self, **options: Unpack[_wise_iou_options]) -> Self: ...
wise_iou: _wise_iou

class _z_loss_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; axis: int
class _z_loss(Typed):
    """Z-loss: the square of the logarithm of the softmax denominator, which keeps logits from drifting."""
    def __call__(self, logits: Shards, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, axis: int = -1) -> Result: """Z-loss: the square of the logarithm of the softmax denominator, which keeps logits from drifting."""
    def grad(self, logits: Shards, *, wrt: Wrt[Literal['logits', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_z_loss_options]) -> Any: ...
    def configured(self, **options: Unpack[_z_loss_options]) -> Self: ...
z_loss: _z_loss

class _zero_inflated_negative_binomial_nll_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty
class _zero_inflated_negative_binomial_nll(Typed):
    """Negative log-likelihood of a count that is 0 with one probability, and else negative binomial."""
    def __call__(self, predictions: Array, targets: Array, sizes: Array, zero_logits: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None) -> Result: """Negative log-likelihood of a count that is 0 with one probability, and else negative binomial."""
    def grad(self, predictions: Array, targets: Array, sizes: Array, zero_logits: Array, *, wrt: Wrt[Literal['predictions', 'targets', 'sizes', 'zero_logits', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, **options: Unpack[_zero_inflated_negative_binomial_nll_options]) -> Any: ...
    def configured(self, **options: Unpack[_zero_inflated_negative_binomial_nll_options]) -> Self: ...
zero_inflated_negative_binomial_nll: _zero_inflated_negative_binomial_nll

class _zlpr_options(TypedDict, total=False): reduction: _Reduction_n_s_m_cm_bm_o; empty: Empty; ignore_index: int | None; axis: int
class _zlpr(Typed):
    """ZLPR (zero-bounded log-sum-exp and pairwise rank): every label that holds is to be above 0, the others below."""
    def __call__(self, logits: Array, targets: Array, *, reduction: _Reduction_n_s_m_cm_bm_o = 'mean', empty: Empty = 'nan', sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, ignore_index: int | None = None, axis: int = -1) -> Result: """ZLPR (zero-bounded log-sum-exp and pairwise rank): every label that holds is to be above 0, the others below."""
    def grad(self, logits: Array, targets: Array, *, wrt: Wrt[Literal['logits', 'targets', 'sample_weight']] = None, sample_weight: Array | None = None, where: Array | None = None, where_entries: Array | None = None, **options: Unpack[_zlpr_options]) -> Any: ...
    def configured(self, **options: Unpack[_zlpr_options]) -> Self: ...
zlpr: _zlpr
