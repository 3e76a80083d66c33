"""A fitted classifier as a torch module, to run where this package is not."""

from __future__ import annotations

import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_emma._energies.comparing import EstimatedRatio
from sklearn_emma._energies.interface import is_batched
from sklearn_emma._estimators.prediction import PredictsClasses
from sklearn_emma._model.deployed import DeployedModel


class BecomesTorch(PredictsClasses):
    """``to_torch``: everything from raw X to probabilities in one module."""

    def to_torch(self, dtype: torch.dtype | None = None) -> nn.Module:
        """Return a torch module that does all that ``predict_proba`` does.

        It selects the columns of the modes, standardises, notices missing values,
        scores energies and the joint energy, and runs gate and predictor. ``forward``
        takes a tensor (n, n_features_in) with NaN where a value is missing, and returns
        probabilities (n, n_classes), in the order of ``classes_``, and attention
        (n, n_modes), in the order of ``modes_``.

        ``torch.export.export`` and ``torch.onnx.export`` take it, with any number of
        rows. What they write runs without this package, and without Python.

        Parameters
        ----------
        dtype : torch.dtype or None, default=None
            Floating-point type in which everything is computed but for
            standardisation, which keeps to that of the training data. None is the
            latter for everything. ``torch.float32`` is smaller and faster, above all
            for images and signals: onnxruntime has convolutions of that type alone, and
            what is exported in float64 multiplies matrices instead.

        Returns
        -------
        module : nn.Module
            A copy, in evaluation mode, on the device of the classifier, whose
            parameters need no gradients; gradients by X there are.

        Raises
        ------
        TypeError
            If an energy, joint or of a mode, or the predictor is no torch module; names
            it. If ``dtype`` is no floating-point type of torch.

        Examples
        --------
        >>> import numpy as np
        >>> import torch
        >>> from sklearn_emma import EMMAClassifier
        >>> from sklearn_emma.datasets import make_multimodal_classification
        >>> X, y, modes = make_multimodal_classification(300, 2, random_state=0)
        >>> clf = EMMAClassifier(modes, max_iter=5, random_state=0).fit(X, y)
        >>> probabilities, attention = clf.to_torch()(torch.from_numpy(X))
        >>> np.testing.assert_allclose(probabilities, clf.predict_proba(X), atol=1e-6)
        >>> np.testing.assert_allclose(attention, clf.attention(X), atol=1e-6)
        """
        check_is_fitted(self)
        is_type = isinstance(dtype, torch.dtype) and dtype.is_floating_point
        if dtype is not None and not is_type:
            raise TypeError(
                "`dtype` must be a floating-point type of torch, such as "
                f"torch.float32, or None, got {dtype!r}."
            )
        if self._model.classifier is not None:
            raise TypeError(
                f"The predictor, {type(self.predictor_).__name__}, is no torch module, "
                "and cannot become part of one: fit with a torch predictor, or with "
                "predictor=None."
            )
        for name, energy in self.energies_.items():
            if not is_batched(energy):
                raise TypeError(
                    f"The energy of mode {name!r}, {type(energy).__name__}, is no "
                    "torch module, and cannot become part of one: fit with energies "
                    "that are scored in one computation, such as "
                    "PotentialEnergyTransformer."
                )
        joint = self._model.joint
        if joint is not None and isinstance(joint.ratio, EstimatedRatio):
            raise TypeError(
                f"`joint_energy`, {type(joint.ratio.estimator).__name__}, is no torch "
                "module, and cannot become part of one: fit with True or False."
            )
        return DeployedModel(self._model, dtype, self.n_features_in_)
