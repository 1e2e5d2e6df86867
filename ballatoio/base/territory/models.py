from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.core.ids import new_id, random_id
from ballatoio.base.labs.models import Lab, Organisation

GeoJSON = dict[str, Any]


class District(models.Model):
    """A district of the city as the city itself draws it; labs work in one or more of them."""

    data_class = "public"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=120)
    geometry: "models.JSONField[GeoJSON, GeoJSON]" = models.JSONField()
    source = models.CharField(max_length=200)
    labs = models.ManyToManyField(Lab, related_name="+", blank=True)
    # Tells every process that its map of the districts is out of date.
    updated_at = models.DateTimeField(auto_now=True, db_index=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class BuildingQuerySet(models.QuerySet["Building"]):
    def of_lab(self, lab: Lab) -> "BuildingQuerySet":
        return self.filter(lab=lab)


class Building(models.Model):
    """A house with its civic number: what a resident calls «casa mia»."""

    data_class = "public"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    district = models.ForeignKey(District, on_delete=models.SET_NULL, null=True, blank=True, related_name="buildings")
    slug = models.SlugField(max_length=80)
    street = models.CharField(max_length=120)
    civic = models.CharField(max_length=12)
    cap = models.CharField(max_length=5, blank=True)
    owner = models.ForeignKey(Organisation, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    manager = models.ForeignKey(Organisation, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    year = models.PositiveSmallIntegerField(null=True, blank=True)
    lat = models.FloatField(null=True, blank=True)
    lon = models.FloatField(null=True, blank=True)
    geometry: "models.JSONField[GeoJSON | None, GeoJSON | None]" = models.JSONField(null=True, blank=True)
    # What an address is looked up by: normalised street and civic number.
    street_key = models.CharField(max_length=120, editable=False)
    civic_key = models.CharField(max_length=12, editable=False)

    objects = BuildingQuerySet.as_manager()

    class Meta:
        ordering = ["street_key", "civic_key"]
        indexes = [models.Index(fields=["lab", "street_key", "civic_key"], name="building_by_address")]
        constraints = [
            models.UniqueConstraint(fields=["lab", "slug"], name="building_slug_once"),
            models.UniqueConstraint(fields=["lab", "street_key", "civic_key"], name="building_address_once"),
        ]

    def __str__(self) -> str:
        return f"{self.street} {self.civic}"


class Stair(models.Model):
    """A staircase of a building: the smallest place that a public text may name."""

    data_class = "public"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    building = models.ForeignKey(Building, on_delete=models.CASCADE, related_name="stairs")
    name = models.CharField(max_length=20)
    has_lift = models.BooleanField(null=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["building", "name"], name="stair_once")]

    def __str__(self) -> str:
        return self.name


class DwellingQuerySet(models.QuerySet["Dwelling"]):
    def visible_to(self, user: User | AbstractBaseUser | AnonymousUser) -> "DwellingQuerySet":
        """Dwellings that the user may see. Which ones stand empty would be a map for the occupation racket:

        only the coordinator of the lab and whoever owns or manages the building see those; desk and care see the
        ones that are lived in or worked on; the public none.
        """
        if not isinstance(user, User):
            return self.none()
        full = user.labs_as(Role.COORDINATOR)
        lived_in = user.labs_as(Role.DESK, Role.MEDIATOR, Role.CASEWORKER)
        owners = [
            m.organisation_id
            for m in user.current_memberships
            if m.role in (Role.HOUSING_MANAGER, Role.WORKS_MANAGER) and m.organisation_id
        ]
        return self.filter(
            Q(stair__building__lab_id__in=full)
            | Q(stair__building__lab_id__in=lived_in, state__in=[Dwelling.State.LET, Dwelling.State.IN_WORKS])
            | Q(stair__building__owner_id__in=owners)
            | Q(stair__building__manager_id__in=owners)
        )

    def of_building(self, building: Building) -> "DwellingQuerySet":
        """All the flats of a building, by their names alone, for whoever writes down where somebody lives.

        All of them and without the state: in a list with gaps, the gaps are the empty ones.
        """
        flats = self.filter(stair__building=building).select_related("stair").defer("state")
        return flats.order_by("stair__name", "floor", "number")


class Dwelling(models.Model):
    """A flat: floor, size, what one can reach without steps, and in which state it is."""

    class State(models.TextChoices):
        LET = "let", _("Assegnato")
        EMPTY = "empty", _("Vuoto")
        TO_RECOVER = "to_recover", _("Da recuperare")
        IN_WORKS = "in_works", _("In lavori")
        NOT_USABLE = "not_usable", _("Non utilizzabile")

    data_class = "confidential"
    retention = "permanent"

    # Random: a public identifier of a flat must not tell which flats were entered together.
    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    stair = models.ForeignKey(Stair, on_delete=models.CASCADE, related_name="dwellings")
    number = models.CharField(max_length=12)
    floor = models.SmallIntegerField()
    rooms = models.PositiveSmallIntegerField(null=True, blank=True)
    useful_m2 = models.DecimalField(max_digits=6, decimal_places=2, null=True, blank=True)
    lift = models.BooleanField(null=True)
    step_free = models.BooleanField(null=True)
    state = models.CharField(max_length=16, choices=State, default=State.LET)

    objects = DwellingQuerySet.as_manager()

    class Meta:
        ordering = ["stair", "floor", "number"]
        indexes = [models.Index(fields=["stair", "state"], name="dwelling_by_state")]
        constraints = [
            models.UniqueConstraint(fields=["stair", "number"], name="dwelling_once"),
            models.CheckConstraint(condition=Q(floor__gte=-2, floor__lte=40), name="dwelling_floor_is_real"),
        ]

    def __str__(self) -> str:
        return _("interno %(number)s") % {"number": self.number}


class Place(models.Model):
    """A courtyard, a garden, a school, a library: somewhere that is not a dwelling."""

    class Kind(models.TextChoices):
        COURTYARD = "courtyard", _("Cortile")
        GARDEN = "garden", _("Giardino")
        SHOP = "shop", _("Negozio o laboratorio")
        COMMON_ROOM = "common_room", _("Sala comune")
        SCHOOL = "school", _("Scuola")
        LIBRARY = "library", _("Biblioteca")
        POST_OFFICE = "post_office", _("Ufficio postale")
        POLICE = "police", _("Polizia locale")
        FOUNTAIN = "fountain", _("Fontanella")
        OFFICE = "office", _("Ufficio o servizio")

    data_class = "public"
    retention = "permanent"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    district = models.ForeignKey(District, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    building = models.ForeignKey(Building, on_delete=models.SET_NULL, null=True, blank=True, related_name="places")
    kind = models.CharField(max_length=16, choices=Kind)
    name = models.CharField(max_length=160)
    address = models.CharField(max_length=200, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    lat = models.FloatField(null=True, blank=True)
    lon = models.FloatField(null=True, blank=True)
    accessibility = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=200, blank=True)
    # The identifier in the file that it was imported from, so that importing again makes no doubles.
    source_key = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ["kind", "name", "pk"]
        indexes = [models.Index(fields=["lab", "kind", "name"], name="place_by_kind")]
        constraints = [
            models.UniqueConstraint(
                fields=["lab", "kind", "source_key"], condition=~Q(source_key=""), name="place_imported_once"
            )
        ]

    def __str__(self) -> str:
        return self.name
